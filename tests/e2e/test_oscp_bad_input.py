"""Bad input over real sockets: the profile's status, a ledger entry with every failed rule, no 5xx, bounded memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.oscp_connections import MortalSimulator, mortal_simulator
from tests.e2e.oscp_messages import group_measurements
from tests.e2e.oscp_sockets import JSON, PREFIX, Header, Raw, online_by_hand
from tests.e2e.oscp_stage import start_run
from tests.postgres_cluster import Cluster

MB = 10**6
TOKEN = "the-partner-s-own-token"
SOUND = json.dumps({"offline_mode_at": "2096-04-02T10:00:00Z"}).encode()


@pytest.fixture(scope="module")
def simulator(postgres_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MortalSimulator]:
    """On PostgreSQL, which is the pickier of the two."""
    folder = tmp_path_factory.mktemp("simulator")
    with (
        postgres_cluster.database() as db,
        mortal_simulator(db, folder, DEPOT_SIM_SECRET_PARTNER_TOKEN=TOKEN) as started,
    ):
        start_run(started.http, run_id="r")
        yield started


@pytest.fixture(scope="module")
def raw(simulator: MortalSimulator) -> Raw:
    return online_by_hand(simulator.http, "r")


def rules(entry: Any) -> set[str]:
    return {finding["rule"] for finding in entry["findings"]}


def heartbeat(at: str) -> bytes:
    return json.dumps({"offline_mode_at": at}).encode()


def measurements(value: str) -> bytes:
    """With this JSON text for the figure."""
    return json.dumps(group_measurements(value="FIGURE")).replace('"FIGURE"', value).encode()


# Bodies


@pytest.mark.parametrize(
    ("path", "body", "failed"),
    [
        pytest.param("heartbeat", b"", {"body.not-json"}, id="nothing"),
        pytest.param("heartbeat", b"offline", {"body.not-json"}, id="not JSON"),
        pytest.param("heartbeat", SOUND[:-1], {"body.not-json"}, id="broken off"),
        pytest.param("heartbeat", b"\xff\xfe" + SOUND, {"body.not-json"}, id="not UTF-8"),
        pytest.param("heartbeat", b"\x00" + SOUND, {"body.not-json"}, id="a NUL"),
        pytest.param("heartbeat", b"[" + SOUND + b"]", {"body.not-an-object"}, id="a list"),
        pytest.param("heartbeat", b"null", {"body.not-an-object"}, id="null"),
        pytest.param("heartbeat", b"[" * 100_000, {"body.too-deep"}, id="deep"),
        pytest.param("heartbeat", b'{"a":' * 99_999 + b"1" + b"}" * 99_999, {"body.too-deep"}, id="deep and closed"),
        pytest.param("heartbeat", b'{"offline_mode_at":7}', {"schema.instant"}, id="wrong type"),
        pytest.param("heartbeat", heartbeat("\x00"), {"schema.instant"}, id="an escaped NUL"),
        pytest.param("heartbeat", b'{"offline_mode_at":"\\ud800"}', {"body.not-json"}, id="half a surrogate"),
        pytest.param("heartbeat", heartbeat("2026-02-30T10:00:00Z"), {"schema.instant"}, id="no such day"),
        pytest.param("heartbeat", heartbeat("2096-04-02T10:00:00"), {"deviation.naive-time"}, id="naive time"),
        pytest.param("heartbeat", heartbeat("9" * 100_000), {"schema.instant"}, id="endless time"),
        pytest.param("update_group_measurements", measurements("NaN"), {"body.not-json"}, id="NaN"),
        pytest.param("update_group_measurements", measurements("Infinity"), {"body.not-json"}, id="infinity"),
        pytest.param("update_group_measurements", measurements("1e400"), {"schema.too-large"}, id="beyond all numbers"),
        pytest.param("update_group_measurements", measurements("9" * 5_000), {"schema.too-large"}, id="5000 digits"),
        pytest.param("update_group_measurements", measurements("true"), {"schema.type"}, id="a truth"),
        pytest.param("update_group_measurements", measurements("null"), {"schema.type"}, id="no value"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused_and_recorded(raw: Raw, path: str, body: bytes, failed: set[str]) -> None:
    request_id = str(uuid4())
    answer = raw.send(path, body, raw.headers(request_id))

    entry = raw.entry(request_id)
    assert answer.status_code == 422
    assert answer.json()["message"].startswith(entry["rule"])
    assert rules(entry) == failed
    assert (entry["outcome"], entry["validation"], entry["body_bytes"]) == ("rejected", "rejected", len(body))


@pytest.mark.parametrize("digits", range(10))
def test_nought_to_nine_fraction_digits_are_read(raw: Raw, digits: int) -> None:
    """What is neither none nor three of them is noted."""
    fraction = f".{'123456789'[:digits]}" if digits else ""
    request_id = str(uuid4())
    answer = raw.send("heartbeat", heartbeat(f"2096-04-02T10:00:00{fraction}Z"), raw.headers(request_id))

    assert answer.status_code == 204
    noted = [deviation["name"] for deviation in raw.entry(request_id)["deviations"]]
    assert noted == ([] if digits in {0, 3} else ["fraction-digits"])


# Headers


def without(headers: Sequence[Header], name: str) -> list[Header]:
    return [header for header in headers if header[0] != name]


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/xml", "application/jsonp", ";"])
def test_another_content_type_is_refused(raw: Raw, content_type: str) -> None:
    request_id = str(uuid4())
    headers = without(raw.headers(request_id), "Content-Type")
    given = [*headers, ("Content-Type", content_type)] if content_type else headers

    assert raw.send("heartbeat", SOUND, given).status_code == 422
    assert rules(raw.entry(request_id)) == {"header.content-type"}


@pytest.mark.parametrize("name", ["X-OSCP-Configuration-ID", "X-Request-ID", "X-Correlation-ID", "Content-Type"])
def test_a_doubled_header_is_refused(raw: Raw, name: str) -> None:
    request_id = str(uuid4())
    given = [*without(raw.headers(request_id), "X-Correlation-ID"), ("X-Correlation-ID", "c")]
    doubled = [*given, next(header for header in given if header[0] == name)]

    assert raw.send("heartbeat", SOUND, doubled).status_code == 422
    assert rules(raw.entry(request_id)) == {f"header.{name.lower()}.doubled"}


def test_a_missing_request_id_is_refused_and_recorded_under_one_of_our_own(raw: Raw) -> None:
    known = {message["request_id"] for message in raw.cp.messages("Heartbeat")}
    assert raw.send("heartbeat", SOUND, without(raw.headers(), "X-Request-ID")).status_code == 422

    [entry] = [message for message in raw.cp.messages("Heartbeat") if message["request_id"] not in known]
    assert entry["rule"] == "header.x-request-id.missing"


@pytest.mark.parametrize("request_id", ["x" * 10_000, "\xe9\xff", "a b\tc"])
def test_a_request_id_that_is_long_or_not_visible_ascii_is_refused(raw: Raw, request_id: str) -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in raw.headers(request_id)]
    refused = raw.http.post(f"{PREFIX}/heartbeat", content=SOUND, headers=headers)
    assert refused.status_code == 422


@pytest.mark.parametrize("request_id", ["x" * 200, "../../..", "%00", "~1"])
def test_a_strange_request_id_is_an_id_like_any_other(raw: Raw, request_id: str) -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in raw.headers(request_id)]
    statuses = [
        raw.http.post(f"{PREFIX}/heartbeat", content=body, headers=headers).status_code
        for body in (SOUND, b"{}", SOUND)
    ]

    assert statuses == [204, 422, 204]
    taken, reused = raw.cp.messages("Heartbeat", direction="inbound")[-2:]
    assert (taken["rule"], reused["rule"]) == ("", "header.x-request-id.reused")
    assert request_id.startswith(taken["request_id"])


def test_every_failed_rule_is_in_the_entry(raw: Raw) -> None:
    """The first of the first kind decides the answer; none hides another."""
    request_id = str(uuid4())
    given = [*raw.headers(request_id), ("X-Correlation-ID", "a"), ("X-Correlation-ID", "b")]
    given = [*without(given, "Content-Type"), ("Content-Type", "text/plain")]

    assert raw.send("update_group_measurements", b'{"group_id":1}', given).status_code == 422
    entry = raw.entry(request_id)
    assert entry["rule"] == "header.x-correlation-id.doubled"
    assert rules(entry) == {
        "header.x-correlation-id.doubled",
        "header.content-type",
        "schema.type",
        "schema.missing",
    }


# Messages for nobody


@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        ([("X-OSCP-Configuration-ID", "unheard-of")], "session.unknown-configuration"),
        ([("X-OSCP-Configuration-ID", "x" * 10_000)], "session.unknown-configuration"),
        ([("Authorization", "Token unheard-of")], "session.unknown-token"),
        ([], "session.not-named"),
    ],
    ids=["unknown-configuration", "endless-configuration", "unknown-token", "nothing"],
)
def test_a_message_for_nobody_is_refused_and_recorded(
    simulator: MortalSimulator, headers: list[Header], rule: str
) -> None:
    request_id = str(uuid4())
    answer = simulator.http.post(
        f"{PREFIX}/heartbeat", content=SOUND, headers=[*headers, ("X-Request-ID", request_id), JSON]
    )

    assert answer.status_code == 403
    listed = simulator.http.get("/oscp-messages/unresolved", params={"request_id": request_id}).json()["messages"]
    assert [(entry["outcome"], entry["rule"]) for entry in listed] == [("rejected", rule)]
    whole = simulator.http.get(f"/oscp-messages/unresolved/{listed[0]['ledger_entry_id']}").json()
    assert (whole["body"], rules(whole)) == (SOUND.decode(), {rule})
    assert "unheard-of" not in [header["value"] for header in whole["headers"] if header["name"] == "authorization"]


@pytest.mark.parametrize(
    ("shown", "status", "failed"),
    [
        (TOKEN, 204, set()),
        ("somebody-else-s", 403, {"credentials.refused"}),
        ("", 403, {"credentials.missing"}),
    ],
)
def test_a_foreign_token_is_refused_and_recorded(
    simulator: MortalSimulator, shown: str, status: int, failed: set[str]
) -> None:
    raw = online_by_hand(simulator.http, "r", credentials={"inbound": {"secret": "env:DEPOT_SIM_SECRET_PARTNER_TOKEN"}})
    request_id = str(uuid4())
    headers = [*raw.headers(request_id), *([("Authorization", f"Token {shown}")] if shown else [])]

    assert raw.send("heartbeat", SOUND, headers).status_code == status
    entry = raw.entry(request_id)
    assert rules(entry) == failed
    assert not shown or shown not in json.dumps(entry)


# Size


def resident_mb(simulator: MortalSimulator) -> float:
    status = Path(f"/proc/{simulator.pid}/status").read_text()
    kb = next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]
    return int(kb) / 1_000


def test_fifty_bodies_of_10_mb_are_refused_in_bounded_memory(simulator: MortalSimulator, raw: Raw) -> None:
    """Of each the beginning is kept; those that are valid JSON are no better than those that are not."""
    bodies = [b'{"offline_mode_at":"' + b"x" * 10 * MB + b'"}', b"[" * 10 * MB]

    def send(times: int) -> None:
        for number in range(times):
            request_id = str(uuid4())
            assert raw.send("heartbeat", bodies[number % 2], raw.headers(request_id)).status_code == 422
            entry = raw.entry(request_id)
            assert entry["body_bytes"] == len(bodies[number % 2])
            assert len(entry["body"]) < 10_000
            assert "body.too-large" in rules(entry)

    send(20)
    before = resident_mb(simulator)
    send(50)
    assert resident_mb(simulator) - before < 15


def test_a_sender_that_goes_away_in_the_middle_does_no_harm(simulator: MortalSimulator, raw: Raw) -> None:
    def half() -> Iterator[bytes]:
        yield SOUND[:5]
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        raw.http.post(f"{PREFIX}/heartbeat", content=half(), headers=raw.headers())
    assert raw.send("heartbeat", SOUND).status_code == 204
