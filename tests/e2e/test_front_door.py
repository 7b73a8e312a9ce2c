"""The front door of the service, through real sockets."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.domain.configuration.samples import depot
from tests.e2e.processes import depot_sim, finish, serving, start
from tests.full_set import only_full
from tests.patience import looks, patient

OPERATOR, VIEWER, NEXT = "operator-token-01234", "viewer-token-0123456", "next-token-0123456789"
TOKENS = f"otto:operator:{OPERATOR},ana:viewer:{VIEWER}"
HEARTBEAT = "/oscp/cp/2.0/heartbeat"
HANDSHAKE = "/oscp/cp/2.0/handshake"
CONFIGURATION = "2b5f4a88-d4b4-41ad-a1c8-889f3ee71111"
LARGE = b'{"filler": "' + b"x" * 999_000 + b'"}'
SESSION = {
    "managed_scope_id": "scope-grid-1",
    "betterfleet_base_url": "http://127.0.0.1:9/oscp",
    "remote_configuration_id": CONFIGURATION,
    "group_id": "group-1",
    "measurement_publication_mode": "GROUP",
    "measurement_configuration": "INTERMITTENT",
    "scenario_preset": "connected_baseline",
}
"""The request of design section 7."""


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: Any


class Client:
    """Sends each request on a connection of its own, with exactly these headers."""

    def __init__(self, url: str, token: str = "") -> None:
        address = urlsplit(url)
        assert address.hostname
        assert address.port
        self.host, self.port, self.token = address.hostname, address.port, token

    def send(self, method: str, path: str, body: bytes = b"", *headers: tuple[str, str]) -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=patient(20))
        with closing(connection):
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            names = {name.lower() for name, _ in headers}
            if "host" not in names:
                connection.putheader("Host", f"127.0.0.1:{self.port}")
            if self.token and "authorization" not in names:
                connection.putheader("Authorization", f"Bearer {self.token}")
            for name, value in headers:
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            content = answer.read()
            headers_in = {name.lower(): value for name, value in answer.getheaders()}
            is_json = "json" in headers_in.get("content-type", "")
            return Answer(answer.status, headers_in, json.loads(content) if is_json else content)

    def get(self, path: str) -> Any:
        answer = self.send("GET", path)
        assert answer.status == 200, answer
        return answer.body

    def post(self, path: str, body: Any, *headers: tuple[str, str]) -> Answer:
        return self.send("POST", path, json.dumps(body).encode(), ("Content-Type", "application/json"), *headers)

    def start_run(self) -> None:
        document = depot(("/managed_scopes/0/id", "scope-grid-1"), ("/projection_bindings", []))
        created = self.post("/simulation-configurations", document)
        assert created.status == 201, created
        run = {"configuration_id": created.body["id"], "run_id": "r", "tick": "1 min", "clock": {"mode": "MANUAL"}}
        assert self.post("/simulation-runs", run).status == 201

    def create_session(self, **changes: Any) -> Answer:
        return self.post("/simulation-runs/r/oscp-sessions", {**SESSION, **changes})

    def refused(self) -> dict[tuple[str, str], int]:
        """Counts of today by surface and reason."""
        counts: dict[tuple[str, str], int] = {}
        for one in self.get("/refused-requests")["refused"]:
            key = one["surface"], one["reason"]
            counts[key] = counts.get(key, 0) + one["count"]
        return counts


@contextmanager
def exposed(db: str, folder: Path, *options: str, **variables: str) -> Iterator[str]:
    """A service on every address of the machine; where it is reached."""
    with serving(db, folder, 0, "--host", "0.0.0.0", *options, **variables) as url:
        yield url.replace("0.0.0.0", "127.0.0.1")


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A service on loopback without tokens, with a run and a session."""
    folder = tmp_path_factory.mktemp("local")
    with serving(f"sqlite:///{folder / 'a.db'}", folder) as url:
        client = Client(url)
        client.start_run()
        assert client.create_session().status == 201
        yield client


# On loopback, without tokens


def test_a_page_of_another_origin_does_not_reach_oscp(local: Client) -> None:
    """A browser sends text/plain without asking first, with the page's Origin and the true Host."""
    head = local.get("/events?limit=1000")["events"][-1]["position"]
    for origin in ("https://evil.example", "null", f"http://localhost:{local.port}", "http://127.0.0.1:1"):
        answer = local.send("POST", HEARTBEAT, LARGE, ("Origin", origin), ("Content-Type", "text/plain"))
        assert answer.status == 403
        assert set(answer.body) == {"message"}
    assert local.get("/events?limit=1000")["events"][-1]["position"] == head


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8420", "127.0.0.1.evil.example", "0.0.0.0"])
def test_a_page_whose_name_was_rebound_reaches_no_surface(local: Client, host: str) -> None:
    """Its requests are of the same origin for the browser, so it may send any header."""
    rebound = ("Host", host), ("Origin", f"http://{host}")
    named = ("X-OSCP-Configuration-ID", CONFIGURATION), ("X-Request-ID", "1"), ("Content-Type", "application/json")
    assert local.send("POST", HANDSHAKE, b"{}", *rebound, *named).status == 403
    assert local.send("GET", "/oscp/cp/2.0/openapi.json", b"", *rebound).status == 403
    answer = local.send("GET", "/simulation-runs", b"", *rebound)
    assert (answer.status, answer.headers["content-type"]) == (403, "application/problem+json")
    assert local.send("POST", "/simulation-runs/r/commands/tick", b"{}", *rebound).status == 403


@pytest.mark.parametrize("name", ["x-forwarded-for", "Forwarded", "VIA", "X-Real-IP"])
def test_what_a_proxy_forwards_reaches_no_surface(local: Client, name: str) -> None:
    """A proxy on this machine would make operators of all its clients."""
    forwarded = (name, "10.0.0.9")
    answer = local.send("GET", "/simulation-runs", b"", forwarded)
    assert (answer.status, answer.headers["content-type"]) == (403, "application/problem+json")
    assert name.lower() in answer.body["detail"]
    assert "tokens" in answer.body["hint"]
    assert local.send("POST", "/simulation-runs/r/commands/tick", b"{}", forwarded).status == 403
    answer = local.send("POST", HEARTBEAT, b"{}", forwarded, ("X-OSCP-Configuration-ID", CONFIGURATION))
    assert answer.status == 403
    assert name.lower() in answer.body["message"]


@pytest.mark.parametrize("host", ["LOCALHOST", "localhost.", "127.0.0.1", "[::1]:8420"])
def test_every_name_of_this_machine_reaches_the_session(local: Client, host: str) -> None:
    body = {"required_behaviour": {"heartbeat_interval": 5, "measurement_configuration": ["INTERMITTENT"]}}
    named = ("Host", host), ("X-OSCP-Configuration-ID", CONFIGURATION), ("X-Request-ID", f"h-{host}")
    assert local.post(HANDSHAKE, body, *named).status in (204, 403)
    listed = local.get(f"/simulation-runs/r/oscp-sessions/{session_of(local)}/messages?message_type=Handshake")
    assert f"h-{host}" in [message["request_id"] for message in listed["messages"]]


def test_messages_that_belong_to_no_session_leave_two_kilobytes_and_a_count(local: Client) -> None:
    before = local.refused().get(("oscp", "session.not-named"), 0)
    statuses = [local.send("POST", HEARTBEAT, LARGE, ("Content-Type", "text/plain")).status for _ in range(40)]
    assert set(statuses) == {403}
    listed = local.get("/oscp-messages/unresolved")["messages"]
    assert 1 <= len(listed) <= 16
    whole = [local.get(f"/oscp-messages/unresolved/{one['ledger_entry_id']}") for one in listed]
    assert sum(len(one["body"]) for one in whole) <= 2_048
    assert {one["body_bytes"] for one in whole} == {len(LARGE)}
    assert local.refused()["oscp", "session.not-named"] == before + 40


def test_more_of_them_are_answered_429(local: Client) -> None:
    answers = [local.send("POST", HEARTBEAT, b"{}") for _ in range(80)]
    assert {answer.status for answer in answers} == {403, 429}
    assert answers[-1].status == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert set(answers[-1].body) == {"message"}
    assert local.refused()["oscp", "rate"] >= 1
    metrics = local.get("/metrics").decode()
    assert 'depot_sim_requests_refused{reason="oscp rate"}' in metrics


def test_without_tokens_the_control_api_has_no_rate(local: Client) -> None:
    answers = [local.send("GET", "/simulation-runs", b"", ("Host", "evil.example")).status for _ in range(100)]
    assert set(answers) == {403}


# Beyond loopback


def session_of(client: Client) -> str:
    session_id: str = client.get("/simulation-runs/r/oscp-sessions")["sessions"][0]["session_id"]
    return session_id


def test_an_older_session_without_credentials_stays_closed_beyond_loopback(tmp_path: Path) -> None:
    db = f"sqlite:///{tmp_path / 'a.db'}"
    with serving(db, tmp_path) as url:
        client = Client(url)
        client.start_run()
        assert client.create_session().status == 201
        assert client.get("/simulation-runs/r/oscp-sessions")["sessions"][0]["inbound"]["access"] == "local"
    named = ("X-OSCP-Configuration-ID", CONFIGURATION), ("X-Request-ID", "1")
    with exposed(db, tmp_path, DEPOT_SIM_TOKENS=TOKENS) as url:
        client = Client(url, OPERATOR)
        stranger = Client(url)
        answer = stranger.post(HANDSHAKE, {}, *named)
        assert (answer.status, "no inbound credentials" in answer.body["message"]) == (403, True)
        (view,) = client.get("/simulation-runs/r/oscp-sessions")["sessions"]
        assert (view["state"], view["inbound"]["access"]) == ("offline", "closed")
        assert "--open oscp" in view["inbound"]["detail"]
        (entry,) = client.get(f"/simulation-runs/r/oscp-sessions/{view['session_id']}/messages")["messages"]
        assert (entry["outcome"], entry["rule"], entry["status"]) == ("rejected", "credentials.required", 403)

        refused = client.create_session(remote_configuration_id="another")
        assert refused.status == 422
        assert [fault["pointer"] for fault in refused.body["faults"]] == ["/credentials/inbound"]
        assert "--open oscp" in refused.body["hint"]
        assert '{"secret": "NAME"}' in refused.body["hint"]
        assert "DEPOT_SIM_SECRET_NAME" in refused.body["hint"]
        secured = {"inbound": {"secret": "env:DEPOT_SIM_SECRET_PARTNER"}}
        assert client.create_session(remote_configuration_id="another", credentials=secured).status == 201
        registering = {"remote_configuration_id": "third", "partner_profile": "oca-2.0"}
        assert client.create_session(**registering).status == 201
    with exposed(db, tmp_path, "--open", "oscp", DEPOT_SIM_TOKENS=TOKENS) as url:
        client = Client(url, OPERATOR)
        assert client.create_session(remote_configuration_id="fourth").status == 201
        views = client.get("/simulation-runs/r/oscp-sessions")["sessions"]
        access = {view["remote_configuration_id"]: view["inbound"]["access"] for view in views}
        assert access[CONFIGURATION] == access["fourth"] == "open"
        assert access["another"] == access["third"] == "credentials"
        body = {"required_behaviour": {"heartbeat_interval": 5, "measurement_configuration": ["INTERMITTENT"]}}
        opened = ("X-OSCP-Configuration-ID", CONFIGURATION), ("X-Request-ID", "2"), ("Host", "depot-sim:8420")
        assert Client(url).post(HANDSHAKE, body, *opened).status == 204
        assert client.refused()["oscp", "credentials.required"] == 1


def test_tokens_of_a_file_are_rotated_and_refused_ones_audited(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# ours\notto:operator:{OPERATOR}\n")
    db = f"sqlite:///{tmp_path / 'a.db'}"
    with exposed(db, tmp_path, "--tokens-file", str(file), DEPOT_SIM_TOKENS=f"ana:viewer:{VIEWER}") as url:
        old, new, viewer = Client(url, OPERATOR), Client(url, NEXT), Client(url, VIEWER)
        assert old.send("GET", "/simulation-runs", b"", ("Host", "depot-sim.example")).status == 200
        for _ in range(3):
            assert new.send("GET", "/simulation-runs/secret-name").status == 401
        assert Client(url).send("GET", "/simulation-runs").status == 401
        both = ("Authorization", f"Bearer {OPERATOR}"), ("Authorization", f"Bearer {NEXT}")
        assert Client(url).send("GET", "/simulation-runs", b"", *both).status in (400, 401)
        assert viewer.send("GET", "/refused-requests").status == 403

        rotate(file, "otto:operator:short\n")
        wait_until(lambda: b"depot_sim_tokens_file_failed 1.0" in viewer.get("/metrics"))
        assert old.send("GET", "/simulation-runs").status == 200
        rotate(file, f"otto:operator:{NEXT}\n")
        wait_until(lambda: old.send("GET", "/simulation-runs").status == 401)
        assert b"depot_sim_tokens_file_failed 0.0" in new.get("/metrics")
        assert viewer.send("GET", "/simulation-runs").status == 200
        listed = new.get("/refused-requests")["refused"]
        assert (3, "/simulation-runs/{run_id}", "token.unknown", "127.0.0.1") in [
            (one["count"], one["route"], one["reason"], one["sender"]) for one in listed
        ]
        statuses = [Client(url).send("GET", "/simulation-runs").status for _ in range(100)]
        assert (statuses[-1], set(statuses)) == (429, {401, 429})
        assert new.send("GET", "/simulation-runs").status == 200
        counts = new.refused()
    with exposed(db, tmp_path, "--tokens-file", str(file)) as url:
        client = Client(url, NEXT)
        assert {key: count for key, count in client.refused().items() if key[0] == "control"} == counts
        events = client.get("/events?type=access.requests-refused.1")["events"]
        assert events
        assert OPERATOR not in json.dumps(events)
        assert "secret-name" not in json.dumps(events)


def rotate(file: Path, text: str) -> None:
    beside = file.with_name("beside")
    beside.write_text(text)
    beside.replace(file)


def wait_until(condition: Any) -> None:
    assert any(condition() for _ in looks()), "it does not come"


# Starting


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--host", "0.0.0.0"), "only with tokens"),
        only_full(("--open", "control"), "oscp"),
        (("--open", "oscp", "--open", "nothing"), "'nothing'"),
        only_full(("--trusted-proxy", "proxy.example"), "an IP address"),
        (("--tokens-file", "nowhere/tokens"), "nowhere/tokens"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_the_fix(tmp_path: Path, options: tuple[str, ...], told: str) -> None:
    finished = depot_sim("serve", "--db", f"sqlite:///{tmp_path / 'a.db'}", "--port", "0", *options)
    assert finished.code == 2
    assert told in " ".join(finished.err.split())
    assert not (tmp_path / "a.db").exists()


def test_a_broken_line_of_the_tokens_file_is_named_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# first\notto:{OPERATOR}\n")
    finished = finish(start("serve", "--db", "memory:", "--port", "0", DEPOT_SIM_TOKENS_FILE=str(file)))
    assert finished.code == 2
    assert f"where    --tokens-file {file} line 2\n" in finished.err
    assert "a line that is not NAME:ROLE:TOKEN" in finished.err
    assert OPERATOR not in finished.err
