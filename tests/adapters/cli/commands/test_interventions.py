"""`depot-sim interventions`: what was done on purpose is listed, shown by its id, and ended."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from depot_sim.adapters.cli.client import Client
from depot_sim.adapters.cli.commands import interventions
from tests.adapters.cli.command_line import Result, depot_sim

RUN = "/simulation-runs/tuesday"
OVER = {
    "id": "i-1",
    "name": "frozen_soc",
    "reason": "a stuck meter",
    "target": "packets-tuesday-meters",
    "begun_at": "2026-04-02T10:00:00.000Z",
    "ended_at": "2026-04-02T10:05:00.000Z",
    "ended_by": "time",
}
IN_FORCE = OVER | {"id": "i-2", "name": "force-state", "reason": "", "ended_at": None, "ended_by": None}
RESET = {"kind": "oscp-session", "target": "s-1", "interventions": ["i-2"], "expectations": ["e-1", "e-2"]}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    there: dict[str, Any] = {
        f"GET {RUN}/interventions": {"interventions": [IN_FORCE, OVER], "next_before": None},
        "GET /interventions/i-1": OVER,
        f"POST {RUN}/reset": {"reset": [RESET]},
    }
    there["asked"] = []

    def answer(request: httpx.Request) -> httpx.Response:
        there["asked"].append(dict(request.url.params))
        return httpx.Response(200, json=there[f"{request.method} {request.url.path}"])

    transport = httpx.MockTransport(answer)
    monkeypatch.setattr(interventions, "server", lambda _: Client("http://depot.example", transport=transport))
    return there


def test_those_of_a_run_are_listed_with_their_ends(answers: dict[str, Any]) -> None:
    lines = depot_sim("interventions", "list", "tuesday").out.splitlines()[1:]
    assert [line.split()[:2] for line in lines] == [["i-2", "force-state"], ["i-1", "frozen_soc"]]
    assert "in force" in lines[0]
    assert "2026-04-02T10:05:00.000Z (time)" in lines[1]
    assert depot_sim("interventions", "list", "tuesday", "--in-force", "--json").json == [IN_FORCE, OVER]
    assert answers["asked"] == [{"limit": "100"}, {"limit": "100", "in_force": "true"}]


def test_a_run_without_any_says_so(answers: dict[str, Any]) -> None:
    answers[f"GET {RUN}/interventions"] = {"interventions": [], "next_before": None}
    assert depot_sim("interventions", "list", "tuesday") == Result(0, "", "nothing was done on purpose\n")


def test_one_is_shown_by_its_id(answers: dict[str, Any]) -> None:
    said = "from 2026-04-02T10:00:00.000Z to 2026-04-02T10:05:00.000Z (time), because: a stuck meter\n"
    assert depot_sim("interventions", "show", "i-1").out == f"i-1 frozen_soc on packets-tuesday-meters {said}"
    assert depot_sim("interventions", "show", "i-1", "--json").json == OVER


def test_a_reset_says_what_it_ended(answers: dict[str, Any]) -> None:
    out = "oscp-session s-1: 1 interventions, 2 expectations\n"
    assert depot_sim("interventions", "reset", "tuesday") == Result(0, out, "")
    answers[f"POST {RUN}/reset"] = {"reset": []}
    assert depot_sim("interventions", "reset", "tuesday") == Result(0, "", "nothing to end\n")
