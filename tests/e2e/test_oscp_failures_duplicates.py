"""Design §10, duplicate message delivery: a message that comes again gets the first answer and leaves no second trace.

At once over two connections, later, after a restart, and at two processes on one PostgreSQL.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from tests.e2e.oscp_connections import MortalSimulator, mortal_simulator
from tests.e2e.oscp_messages import group_measurements, instant
from tests.e2e.oscp_sides import eventually
from tests.e2e.oscp_sockets import Header, Pipeline, Raw, online_by_hand
from tests.e2e.oscp_stage import start_run
from tests.postgres_cluster import Cluster

TIMES = 100
ID = "the-same-message"
TOKEN = "the-partner-s-own-token"
HEARTBEAT = json.dumps({"offline_mode_at": instant(600)}).encode()
MEASUREMENTS = json.dumps(group_measurements()).encode()
OF_ANOTHER_GROUP = json.dumps(group_measurements("group-2")).encode()


@pytest.fixture(scope="module")
def simulators(
    postgres_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[MortalSimulator, MortalSimulator]]:
    """Two processes on one database; the first runs the run."""
    folder = tmp_path_factory.mktemp("simulators")
    with (
        postgres_cluster.database() as db,
        mortal_simulator(db, folder, "one", DEPOT_SIM_SECRET_PARTNER_TOKEN=TOKEN) as one,
        mortal_simulator(db, folder, "two", DEPOT_SIM_SECRET_PARTNER_TOKEN=TOKEN) as two,
    ):
        start_run(one.http, run_id="r")
        yield one, two


@pytest.fixture
def raw(simulators: tuple[MortalSimulator, MortalSimulator]) -> Iterator[Raw]:
    raw = online_by_hand(simulators[0].http, "r")
    yield raw
    raw.cp.call("DELETE", "")


def all_at_once(raw: Raw, path: str, body: bytes, at: Sequence[httpx.Client]) -> list[bytes]:
    """The answers to the same message, sent 100 times over a connection to each of these."""
    each = TIMES // len(at)
    connections = [Pipeline(http) for http in at]
    for connection in connections:
        connection.send(path, body, raw.headers(ID), each)
    answers = [answer for connection in connections for answer in connection.answers(each)]
    for connection in connections:
        connection.close()
    return answers


@pytest.mark.parametrize("processes", [(0, 0), (0, 1)], ids=["one-process", "two-processes"])
@pytest.mark.parametrize(
    ("path", "body", "status", "outcome"),
    [
        ("heartbeat", HEARTBEAT, 204, "accepted"),
        ("update_group_measurements", MEASUREMENTS, 204, "accepted"),
        ("update_group_measurements", OF_ANOTHER_GROUP, 403, "rejected"),
        ("heartbeat", b"{", 422, "rejected"),
    ],
    ids=["heartbeat", "measurements", "another-group", "not-json"],
)
def test_a_hundred_times_at_once_over_two_connections(
    simulators: tuple[MortalSimulator, MortalSimulator],
    raw: Raw,
    processes: tuple[int, int],
    path: str,
    body: bytes,
    status: int,
    outcome: str,
) -> None:
    """One entry, one outcome, 100 equal answers."""
    answers = all_at_once(raw, path, body, [simulators[place].http for place in processes])

    assert len(answers) == TIMES
    assert len(set(answers)) == 1
    assert answers[0].startswith(b"HTTP/1.1 %d " % status)
    # The process that is asked may learn later than the other one of what the other one has recorded.
    [entry] = eventually(lambda: raw.listed(ID), lambda found: bool(found) and found[0]["outcome"] != "pending")
    assert (entry["outcome"], entry["status"]) == (outcome, status)


def test_again_later_whatever_the_state_has_become(raw: Raw) -> None:
    """Even where the same message under a new id would be refused."""
    first = raw.send("heartbeat", HEARTBEAT, raw.headers(ID))
    raw.cp.order("disconnect")
    again = raw.send("heartbeat", HEARTBEAT, raw.headers(ID))

    assert (first.status_code, again.status_code) == (204, 204)
    assert raw.send("heartbeat", HEARTBEAT).status_code == 403
    assert [entry["outcome"] for entry in raw.listed(ID)] == ["accepted"]


def test_again_after_a_kill(sqlite_url: str, tmp_path: Path) -> None:
    with mortal_simulator(sqlite_url, tmp_path) as simulator:
        start_run(simulator.http, run_id="r")
        raw = online_by_hand(simulator.http, "r")
        first = raw.send("heartbeat", b"{}", raw.headers(ID))
        simulator.kill()
        simulator.start()
        again = raw.send("heartbeat", b"{}", raw.headers(ID))

        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert first.status_code == 422
        assert len(raw.listed(ID)) == 1


@pytest.mark.parametrize("places", [(0, 0), (0, 1)], ids=["one-process", "two-processes"])
def test_another_message_under_a_used_id_is_refused_with_an_entry_of_its_own(
    simulators: tuple[MortalSimulator, MortalSimulator], raw: Raw, places: tuple[int, int]
) -> None:
    other = json.dumps({"offline_mode_at": instant(900)}).encode()
    bodies = (HEARTBEAT, other, other, HEARTBEAT)
    path, headers = "/oscp/cp/2.0/heartbeat", raw.headers(ID)
    senders = [simulators[place].http for place in (*places, *places)]
    statuses = [
        http.post(path, content=body, headers=headers).status_code for http, body in zip(senders, bodies, strict=True)
    ]

    assert statuses == [204, 422, 422, 204]
    listed = eventually(lambda: raw.listed(ID), lambda found: len(found) > 1)
    assert [(entry["outcome"], entry["rule"]) for entry in listed] == [
        ("accepted", ""),
        ("rejected", "header.x-request-id.reused"),
    ]


@pytest.fixture
def secured(simulators: tuple[MortalSimulator, MortalSimulator]) -> Iterator[Raw]:
    token = {"inbound": {"secret": "env:DEPOT_SIM_SECRET_PARTNER_TOKEN"}}
    raw = online_by_hand(simulators[0].http, "r", credentials=token)
    yield raw
    raw.cp.call("DELETE", "")


SHOWN = ("Authorization", f"Token {TOKEN}")
NOT_SHOWN = [[], [("Authorization", "Token of-somebody-else")]]


@pytest.mark.parametrize("place", [0, 1], ids=["one-process", "two-processes"])
@pytest.mark.parametrize("instead", NOT_SHOWN, ids=["none", "wrong"])
def test_a_request_id_gives_no_answer_to_a_sender_without_the_token(
    simulators: tuple[MortalSimulator, MortalSimulator], secured: Raw, place: int, instead: list[Header]
) -> None:
    def send(http: httpx.Client, credentials: list[Header]) -> int:
        headers = [*secured.headers(ID), *credentials]
        return http.post("/oscp/cp/2.0/heartbeat", content=HEARTBEAT, headers=headers).status_code

    first = send(simulators[0].http, [SHOWN])
    assert (first, send(simulators[place].http, instead), send(simulators[place].http, [SHOWN])) == (204, 403, 204)
    listed = eventually(lambda: secured.listed(ID), lambda found: len(found) > 1)
    assert [entry["outcome"] for entry in listed] == ["accepted", "rejected"]
    assert listed[1]["rule"].startswith("credentials.")


@pytest.mark.parametrize("instead", NOT_SHOWN, ids=["none", "wrong"])
def test_a_request_refused_for_credentials_does_not_use_up_its_id(secured: Raw, instead: list[Header]) -> None:
    refused = secured.send("heartbeat", HEARTBEAT, [*secured.headers(ID), *instead])
    taken = secured.send("heartbeat", HEARTBEAT, [*secured.headers(ID), SHOWN])

    assert (refused.status_code, taken.status_code) == (403, 204)
    assert "credentials." in refused.json()["message"]
    assert [entry["outcome"] for entry in secured.listed(ID)] == ["rejected", "accepted"]
