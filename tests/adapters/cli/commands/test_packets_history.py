"""`depot-sim packets history`, `readings`, `show` and `resend`, from a server."""

from __future__ import annotations

import json

import httpx
import pytest

from depot_sim.adapters.cli.client import Client
from depot_sim.adapters.cli.packets import history as packets_history
from tests.adapters.cli.command_line import Result, depot_sim
from tests.adapters.cli.packet_server import FEED, OPEN, PACKET, READING, WAITING, WHOLE, WORD, Server

METERS = ("--run", "tuesday", "--feed", "meters")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    there = Server()
    transport = httpx.MockTransport(there.answer)
    monkeypatch.setattr(packets_history, "server", lambda _: Client("http://depot.example", transport=transport))
    return there


def test_people_get_a_table_of_packets_that_tells_purpose_from_accident(server: Server) -> None:
    result = depot_sim("packets", "history", *METERS)
    assert (result.code, result.err) == (0, "")
    heading, waiting, refused = [line.split() for line in result.out.splitlines()]
    assert heading == ["packet", "at", "device", "seq", "type", "delivery", "attempts", "status", "why"]
    assert waiting == ["p-3", WAITING["at"], "bess-1", "2", "TELEMETRY", "pending", "2", "refused"]
    assert refused[5:] == ["rejected,", "on", "purpose", "2", "422"]


def test_packets_are_asked_for_by_filters(server: Server) -> None:
    what = ("--device", "bess-1", "--key", "SOC", "--type", "telemetry", "--delivery", "rejected")
    when = ("--since", "2026-03-02T12:00:00Z", "--until", "2026-03-02T13:00:00Z")
    depot_sim("packets", "history", *METERS, *what, *when, "--deliberate")
    assert server.query() == {
        "device": "bess-1",
        "key": "SOC",
        "type": "TELEMETRY",
        "delivery": "rejected",
        "since": "2026-03-02T12:00:00Z",
        "until": "2026-03-02T13:00:00Z",
        "has_override": "true",
        "limit": "100",
    }
    depot_sim("packets", "history", *METERS, "--accidental", "--limit", "7")
    assert server.query() == {"has_override": "false", "limit": "7"}


def test_the_newest_packets_are_joined_from_pages(server: Server) -> None:
    server.answers[f"GET {FEED}/packets"] = [{"packets": [PACKET] * 1_000, "next": 9}, {"packets": [PACKET], "next": 3}]
    assert len(depot_sim("packets", "history", *METERS, "--limit", "1001", "--json").json) == 1_001
    assert [request.url.params.get("before") for request in server.asked] == [None, "9"]


def test_no_packets_are_no_error(server: Server) -> None:
    server.answers[f"GET {FEED}/packets"] = [{"packets": [], "next": None}]
    assert depot_sim("packets", "history", *METERS) == Result(0, "", "no such packets\n")


def test_every_reading_is_a_line_the_oldest_first_whatever_the_pages(server: Server) -> None:
    server.answers[f"GET {FEED}/readings"] = [
        {"readings": [READING], "next": 9},
        {"readings": [WORD], "next": None},
    ]
    assert depot_sim("packets", "readings", *METERS, "--key", "SOC").out.splitlines() == [
        "2026-03-02T12:02:00.000Z bess-1 TELEMETRY SOC 50.2 %; true is SOC 49 %",
        '2026-03-02T12:02:00.000Z bess-1 TELEMETRY DISPATCH_STATE "NONE" (MISSING)',
    ]
    assert server.query() == {"key": "SOC", "order": "oldest", "after": "9", "limit": "1000"}


def test_readings_as_json_hold_nothing_that_differs_between_equal_runs(server: Server) -> None:
    server.answers[f"GET {FEED}/readings"] = [{"readings": [READING, WORD], "next": 9}]
    result = depot_sim("packets", "readings", *METERS, "--limit", "2", "--json")
    lines = [json.loads(line) for line in result.out.splitlines()]
    for line, said in zip(lines, (READING, WORD), strict=True):
        assert line.keys() == said.keys() - {"packet_id"}
        assert line["value"] == said["value"]
    assert len(server.asked) == 1, "two were asked for, and two were on the first page"


def test_a_packet_is_told_whole(server: Server) -> None:
    assert depot_sim("packets", "show", "p-2", *METERS).out.splitlines() == [
        "2026-03-02T12:02:00.000Z bess-1 TELEMETRY 1: rejected, on purpose",
        "changed   by wrong_unit (o-1)",
        "matched   by frozen_soc (o-2), which changed nothing",
        "said      that it is packet 1001; true is 1",
        "said      SOC 50.2 %; true is SOC 49 %",
        'said      DISPATCH_STATE "NONE" (MISSING)',
        "left out  POWER 1 W",
        "",
        '{"seq":1}',
        "",
        "attempt 1 at 2026-11-21T10:00:00.000000Z: connection refused in 0.0 ms, again after 512 ms",
        "",
        "attempt 2 at 2026-11-21T10:00:01.000000Z: answered 422 in 1.5 ms",
        "Content-Type: text/plain",
        "",
        "no such key",
    ]
    assert depot_sim("packets", "show", "p-2", *METERS, "--json").json == WHOLE


def test_a_body_that_is_no_text_says_so(server: Server) -> None:
    server.answers[f"GET {FEED}/packets/p-2"] = [WHOLE | {"body": "/w==", "base64": True}]
    assert "/w== (base64)" in depot_sim("packets", "show", "p-2", *METERS).out.splitlines()


def test_a_packet_is_sent_again_by_its_id(server: Server) -> None:
    assert depot_sim("packets", "resend", "p-2", *METERS) == Result(0, "p-2 is sent again\n", "")
    assert json.loads(server.asked[-1].content) == {"packet_id": "p-2"}
    assert depot_sim("packets", "resend", "p-2", *METERS, "--json").json == OPEN
