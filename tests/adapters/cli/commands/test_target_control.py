"""`modes`, `override` and `expect` of `depot-sim oscp`, and of every other kind of target alike."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from depot_sim.adapters.cli import target_control
from depot_sim.adapters.cli.client import Client
from tests.adapters.cli.command_line import Result, depot_sim

TARGET = "/simulation-runs/tuesday/oscp-sessions/s-1"
OVERRIDE = {
    "override_id": "o-1",
    "mode": "",
    "match": {},
    "effect": {"type": "withhold"},
    "applied_at": "2026-04-02T10:00:00.000Z",
    "until": "2026-04-03T10:00:00.000Z",
    "times": None,
    "seen": 1_200,
    "hits": 7,
}
EXPECTATION = {
    "expectation_id": "e-1",
    "verdict": "waiting",
    "title": "an answer",
    "deadline": "2026-04-02T10:01:00.000Z",
    "reason": "",
    "counts": [0],
    "nearest": [],
}
NEAR = {
    "entry_id": "m-1",
    "fields": [
        {"field": "message_type", "matched": True, "found": "Answer", "expected": "Answer"},
        {"field": "header :status", "matched": False, "found": '"503"', "expected": 'at most "299"'},
    ],
}
MISSED = EXPECTATION | {"verdict": "missed", "reason": "deadline", "nearest": [NEAR]}


class Server:
    """Answers by method and path, the last one for good, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.answers: dict[str, list[Any]] = {
            "GET /oscp-override-modes": [{"override_modes": [{"name": "m", "sentence": "It fails.", "match": {}}]}],
            f"GET {TARGET}/overrides": [{"overrides": [OVERRIDE]}],
            f"PATCH {TARGET}/overrides": [{"session_id": "s-1", "override_state": "active", "override_ids": ["o-1"]}],
            f"GET {TARGET}/expectations": [{"expectations": [EXPECTATION]}],
            f"POST {TARGET}/expectations": [EXPECTATION],
            f"GET {TARGET}/expectations/e-1": [EXPECTATION, MISSED],
            f"DELETE {TARGET}/expectations/e-1": [EXPECTATION | {"verdict": "retired", "reason": "called off"}],
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answers = self.answers[f"{request.method} {request.url.path}"]
        return httpx.Response(200, json=answers.pop(0) if len(answers) > 1 else answers[0])

    @property
    def body(self) -> Any:
        """What was sent last."""
        return json.loads(self.asked[-1].content)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    there = Server()
    transport = httpx.MockTransport(there.answer)
    monkeypatch.setattr(target_control, "server", lambda _: Client("http://depot.example", transport=transport))
    return there


def oscp(action: str, *arguments: str) -> Result:
    return depot_sim("oscp", action, "tuesday", "s-1", *arguments)


def test_modes_are_listed_with_their_sentences(server: Server) -> None:
    assert depot_sim("oscp", "modes").out.splitlines()[1].split() == ["m", "It", "fails."]
    assert depot_sim("oscp", "modes", "--json").json[0]["name"] == "m"


def test_active_overrides_are_listed_with_what_they_did(server: Server) -> None:
    columns = oscp("override").out.splitlines()[1].split()
    assert columns[0] == "o-1"
    assert columns[-2:] == ["1,200", "7"]
    assert oscp("override", "--json").json == [OVERRIDE]


def test_a_mode_that_can_change_nothing_says_so(server: Server) -> None:
    changed = {"session_id": "s-1", "override_state": "active", "override_ids": ["o-1"], "warnings": ["no segments"]}
    server.answers[f"PATCH {TARGET}/overrides"] = [changed]
    result = oscp("override", "missing_segment", "--reason", "to see")
    assert (result.code, result.out, result.err) == (0, "o-1 active\n", "warning: no segments\n")
    assert server.body == {"mode": "missing_segment", "reason": "to see"}


def test_a_mode_is_applied_with_its_bounds(server: Server) -> None:
    result = oscp("override", "stop_heartbeats", "--times", "3", "--until", "2026-04-02T10:20:00Z")
    assert (result.code, result.out) == (0, "o-1 active\n")
    assert server.body == {"mode": "stop_heartbeats", "times": 3, "until": "2026-04-02T10:20:00Z"}


def test_packet_feeds_have_the_same(server: Server) -> None:
    path = "/simulation-runs/tuesday/packet-feeds/site%2F1"
    changed = {"binding_id": "site/1", "override_state": "active", "override_ids": ["o-1"]}
    server.answers[f"PATCH {path.replace('%2F', '/')}/overrides"] = [changed]
    assert depot_sim("packets", "override", "tuesday", "site/1", "frozen_soc").out == "o-1 active\n"
    assert str(server.asked[-1].url).endswith(f"{path}/overrides")


def test_an_effect_is_made_to_measure(server: Server) -> None:
    oscp("override", "--effect", '{"type": "withhold"}', "--match", '{"nth": 3}')
    assert server.body == {"effect": {"type": "withhold"}, "match": {"nth": 3}}


def test_overrides_are_cleared(server: Server) -> None:
    server.answers[f"PATCH {TARGET}/overrides"] = [{"override_state": "cleared", "override_ids": []}]
    result = oscp("override", "--clear", "all")
    assert server.body == {"clear": "all"}
    assert (result.out, result.err) == ("", "no overrides to clear\n")


@pytest.mark.parametrize(
    "arguments",
    [("--times", "3"), ("--match", "{}"), ("--effect", "{"), ("mode", "--clear", "all")],
)
def test_what_makes_no_sense_is_told_before_anybody_is_asked(server: Server, arguments: tuple[str, ...]) -> None:
    assert oscp("override", *arguments).code == 2
    assert server.asked == []


def test_expectations_are_listed(server: Server) -> None:
    assert oscp("expect").out.splitlines()[1].split()[:2] == ["e-1", "waiting"]
    assert oscp("expect", "--json").json == [EXPECTATION]


def test_an_expectation_is_raised(server: Server) -> None:
    result = oscp("expect", '{"messages": [{}], "within_ms": 5}')
    assert (result.code, server.body) == (0, {"messages": [{}], "within_ms": 5})
    assert result.out.splitlines() == ["e-1 waiting an answer", "until     2026-04-02T10:01:00.000Z"]


def test_who_waits_gets_the_verdict_as_exit_code_and_what_came_near(server: Server) -> None:
    result = oscp("expect", "{}", "--wait", "60")
    assert [request.url.params.get("wait") for request in server.asked[1:]] == ["25", "25"]
    assert result.code == 1
    assert result.out.splitlines() == [
        "e-1 missed an answer",
        "because   deadline",
        'nearest   m-1: header :status: found "503"; expected at most "299"',
    ]


def test_a_wait_ends_with_whatever_is_known(server: Server) -> None:
    server.answers[f"GET {TARGET}/expectations/e-1"] = [EXPECTATION]
    ticks = iter((0.0, 0.0, 0.9, 1.0))
    with Client("http://depot.example", transport=httpx.MockTransport(server.answer)) as client:
        answer = target_control.awaited(client, f"{TARGET}/expectations/e-1", 1, lambda: next(ticks))
    assert json.loads(answer) == EXPECTATION
    assert [request.url.params["wait"] for request in server.asked] == ["1", "1", "0"]


def test_waiting_in_vain_is_exit_code_5(server: Server) -> None:
    server.answers[f"GET {TARGET}/expectations/e-1"] = [EXPECTATION]
    assert oscp("expect", "{}", "--wait", "1").code == 5
    assert oscp("expect", "--id", "e-1").code == 0


def test_an_expectation_closed_without_a_verdict_is_exit_code_5(server: Server) -> None:
    closed = EXPECTATION | {"verdict": "retired", "reason": "its target went offline"}
    server.answers[f"GET {TARGET}/expectations/e-1"] = [closed]
    assert oscp("expect", "{}", "--wait", "60").code == 5
    assert oscp("expect", "--id", "e-1").code == 5
    assert oscp("expect", "--retire", "e-1").code == 0


def test_an_expectation_is_read_and_called_off(server: Server) -> None:
    assert oscp("expect", "--id", "e-1", "--json").json == EXPECTATION
    assert oscp("expect", "--retire", "e-1").out.splitlines()[0] == "e-1 retired an answer"


def test_the_messages_nearest_to_any_message_are_shown(server: Server) -> None:
    such = {"entry_id": "m-2", "fields": NEAR["fields"][:1]}
    server.answers[f"POST {TARGET}/expectations/nearest"] = [{"nearest": [such, NEAR]}, {"nearest": []}]
    shown = oscp("expect", "--nearest", '{"message_types": ["Answer"]}')
    assert (shown.code, server.body) == (0, {"message_types": ["Answer"]})
    assert shown.out.splitlines() == [
        "nearest   m-2: it is such a message",
        'nearest   m-1: header :status: found "503"; expected at most "299"',
    ]
    assert oscp("expect", "--nearest", "{}").err == "no messages yet\n"
