"""`depot-sim oscp sessions`, `messages` and `message`, from a server."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from depot_sim.adapters.cli.client import Client
from depot_sim.adapters.cli.oscp import command as oscp
from tests.adapters.cli.command_line import Result, depot_sim

SESSION = {
    "session_id": "s-1",
    "run_id": "tuesday",
    "managed_scope_id": "site",
    "active": True,
    "state": "online",
    "health": "UP",
    "messages": 1_234,
    "last_error": {"error": "heartbeat.in-the-past", "deliberate": True},
    "remote_configuration_id": "c-1",
}
ENDED = SESSION | {"session_id": "s-0", "active": False, "last_error": None}
MESSAGE = {
    "ledger_entry_id": "e-1",
    "at": "2026-04-02T12:00:00.000Z",
    "direction": "inbound",
    "message_type": "Heartbeat",
    "outcome": "rejected",
    "deliberate": True,
    "status": 403,
    "rule": "heartbeat.in-the-past",
    "error": "",
    "findings": 1,
}
SENT = MESSAGE | {"direction": "outbound", "outcome": "failed", "deliberate": False, "status": None, "error": "refused"}
WHOLE = MESSAGE | {
    "method": "POST",
    "url": "heartbeat",
    "headers": [{"name": "x-request-id", "value": "q-1"}],
    "body": '{"offline_mode_at":"2026"}',
    "true_body": '{"offline_mode_at":"2027"}',
    "answer": {"status": 403, "headers": [{"name": "content-type", "value": "application/json"}], "body": "{}"},
    "findings": [{"rule": "r.one", "found": "a", "expected": "b", "pointer": "/p"}],
    "deviations": [{"name": "camel-case", "found": "offlineModeAt"}],
    "changed_by": [{"id": "o-1", "name": "reject_heartbeat_with_403"}],
    "matched_by": [{"id": "o-2", "name": "stop_heartbeats"}],
}
LEDGER = "/simulation-runs/tuesday/oscp-sessions/s-1/messages"


class Server:
    """Answers by path and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx.URL] = []
        self.answers: dict[str, Any] = {
            "/oscp-sessions": {"sessions": [SESSION, ENDED], "next_before": None},
            LEDGER: {"messages": [SENT, MESSAGE], "next": None},
            "/oscp-messages/unresolved": {"messages": [], "next": None},
            f"{LEDGER}/e-1": WHOLE,
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        return httpx.Response(200, json=self.answers[request.url.path])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    there = Server()
    transport = httpx.MockTransport(there.answer)
    monkeypatch.setattr(oscp, "server", lambda _: Client("http://depot.example", transport=transport))
    return there


def words(result: Result) -> list[list[str]]:
    assert result.code == 0, result.err
    return [line.split() for line in result.out.splitlines()]


def test_people_get_a_table_of_sessions(server: Server) -> None:
    heading, first, second = words(depot_sim("oscp", "sessions", "--run", "tuesday"))
    assert heading == ["session", "run", "scope", "state", "health", "messages", "last", "error"]
    assert first == ["s-1", "tuesday", "site", "online", "UP", "1,234", "heartbeat.in-the-past,", "on", "purpose"]
    assert second == ["s-0", "tuesday", "site", "ended", "UP", "1,234"]
    assert server.asked[0].params["run"] == "tuesday"


def test_programs_get_what_the_server_says(server: Server) -> None:
    assert depot_sim("oscp", "sessions", "--json").json == [SESSION, ENDED]
    ledger = ("--run", "tuesday", "--session", "s-1")
    assert depot_sim("oscp", "messages", *ledger, "--json").json == [SENT, MESSAGE]
    assert depot_sim("oscp", "message", "e-1", *ledger, "--json").json == WHOLE


def test_people_get_a_table_of_messages_that_tells_purpose_from_accident(server: Server) -> None:
    _, sent, received = words(depot_sim("oscp", "messages", "--run", "tuesday", "--session", "s-1"))
    assert sent == ["e-1", "2026-04-02T12:00:00.000Z", "→", "Heartbeat", "failed", "refused"]
    assert received[3:] == ["Heartbeat", "rejected,", "on", "purpose", "403", "heartbeat.in-the-past"]


def test_messages_are_asked_for_by_filters(server: Server) -> None:
    ledger = ("--run", "tuesday", "--session", "s-1")
    depot_sim("oscp", "messages", *ledger, "--message-type", "Heartbeat", "--outcome", "rejected", "--deliberate")
    depot_sim("oscp", "messages", *ledger, "--accidental", "--limit", "7")
    first, second = (dict(url.params) for url in server.asked)
    assert first == {"message_type": "Heartbeat", "outcome": "rejected", "has_override": "true", "limit": "100"}
    assert second == {"has_override": "false", "limit": "7"}


def test_without_a_session_it_is_about_the_messages_of_none(server: Server) -> None:
    code, out, err = depot_sim("oscp", "messages")
    assert (code, out, err) == (0, "", "no such messages\n")
    assert server.asked[0].path == "/oscp-messages/unresolved"


def test_a_session_is_named_with_its_run(server: Server) -> None:
    code, _, err = depot_sim("oscp", "messages", "--session", "s-1")
    assert code == 2
    assert "--run and --session belong together" in err


def test_pages_are_joined(server: Server) -> None:
    server.answers[LEDGER] = {"messages": [MESSAGE] * 60, "next": 9}
    server.answers["/oscp-sessions"] = {"sessions": [SESSION] * 60, "next_before": 9}
    assert (
        len(depot_sim("oscp", "messages", "--run", "tuesday", "--session", "s-1", "--limit", "120", "--json").json)
        == 120
    )
    assert len(depot_sim("oscp", "sessions", "--limit", "120", "--json").json) == 120
    assert [url.params.get("before") for url in server.asked] == [None, "9", None, "9"]


def test_a_message_is_told_whole(server: Server) -> None:
    out = depot_sim("oscp", "message", "e-1", "--run", "tuesday", "--session", "s-1").out
    assert out.splitlines() == [
        "2026-04-02T12:00:00.000Z inbound Heartbeat: rejected, on purpose",
        "changed   by reject_heartbeat_with_403 (o-1)",
        "matched   by stop_heartbeats (o-2), which changed nothing",
        "failed    r.one at /p: found a; expected b",
        "tolerated camel-case: offlineModeAt",
        "",
        "POST heartbeat",
        "x-request-id: q-1",
        "",
        '{"offline_mode_at":"2026"}',
        "",
        "true body",
        '{"offline_mode_at":"2027"}',
        "",
        "answered 403",
        "content-type: application/json",
        "",
        "{}",
    ]


def test_no_sessions_are_no_error(server: Server) -> None:
    server.answers["/oscp-sessions"] = {"sessions": [], "next_before": None}
    assert depot_sim("oscp", "sessions") == Result(0, "", "no OSCP sessions yet\n")
