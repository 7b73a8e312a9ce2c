"""`depot-sim run --scenario`: a scenario without a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.adapters.cli.command_line import depot_sim
from tests.domain.scenario.scripts import script


def test_it_is_played_on_the_depot_it_names_for_as_long_as_it_lasts() -> None:
    played = depot_sim("run", "--scenario", "bba-heartbeat-late", "--json")
    assert played.code == 0
    (scenario,) = played.json["scenarios"]
    assert scenario == {
        "name": "bba-heartbeat-late",
        "status": "passed",
        "steps_done": 2,
        "steps": 2,
        "reasons": [],
    }
    assert played.json["vehicle_steps"] == 4 * 400


def test_in_memory_and_on_a_store_it_comes_to_the_same(tmp_path: Path) -> None:
    db = f"sqlite:///{tmp_path / 'depot.db'}"
    line = ("run", "--scenario", "bba-fail-safe-entry", "--json")
    assert depot_sim(*line).json["canonical_sha256"] == depot_sim(*line, "--db", db).json["canonical_sha256"]


def test_a_shorter_run_calls_it_off() -> None:
    played = depot_sim("run", "--scenario", "bba-heartbeat-late", "--for", "2min", "--json")
    (scenario,) = played.json["scenarios"]
    assert (scenario["status"], scenario["steps_done"], scenario["steps"]) == ("stopped", 1, 2)


def test_a_refused_step_is_told_and_decides_the_exit_code(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    beating = {"at": "5 s", "set-controller-heartbeats": {"controller": "$controller", "beating": True}}
    file.write_text(json.dumps(script(steps=[beating], lasts=None)), encoding="utf-8")
    played = depot_sim("run", "bba-microgrid", "--scenario", str(file))
    assert played.code == 1
    assert "step 1 (set-controller-heartbeats) was refused" in played.out
    assert "of 1 steps done; step 1" in played.out
    (scenario,) = depot_sim("run", "bba-microgrid", "--scenario", str(file), "--json").json["scenarios"]
    assert scenario["status"] == "failed"
    assert scenario["reasons"][0].startswith("step 1 (set-controller-heartbeats) was refused")


@pytest.mark.parametrize("named", ["bba-heartbeat-latte", "no-such-file.yaml"])
def test_what_is_not_there_is_said(named: str) -> None:
    assert depot_sim("run", "--scenario", named).code == 2
