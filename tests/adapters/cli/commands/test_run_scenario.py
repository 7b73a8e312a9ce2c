"""`depot-sim run --scenario`: a scenario without a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.adapters.cli.command_line import depot_sim
from tests.domain.scenario.scripts import script


def test_it_is_played_on_the_depot_it_names_for_as_long_as_it_lasts() -> None:
    played = depot_sim("run", "--scenario", "bba-heartbeat-late", "--json")
    (scenario,) = played.json["scenarios"]
    assert (scenario["name"], scenario["steps_done"], scenario["steps"]) == ("bba-heartbeat-late", 4, 4)
    assert played.json["vehicle_steps"] == 4 * 400


def test_in_memory_and_on_a_store_it_comes_to_the_same(tmp_path: Path) -> None:
    db = f"sqlite:///{tmp_path / 'depot.db'}"
    line = ("run", "--scenario", "bba-fail-safe-entry", "--json")
    assert depot_sim(*line).json["canonical_sha256"] == depot_sim(*line, "--db", db).json["canonical_sha256"]


def test_without_a_server_nothing_is_verified_and_the_exit_code_says_so() -> None:
    """What it expects of a feed cannot be met, and a scenario that expects nothing shows nothing either."""
    played = depot_sim("run", "--scenario", "bba-heartbeat-late", "--json")
    (scenario,) = played.json["scenarios"]
    assert (played.code, scenario["status"]) == (5, "unverified")
    closed = "was closed without a verdict (a run without a server has no feeds and no sessions)"
    assert scenario["reasons"] == [
        f"step 2: heartbeats come at half their pace {closed}",
        f"step 3: heartbeats come at their own pace again {closed}",
    ]


def test_a_scenario_that_expects_nothing_is_unverified(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(json.dumps(script()), encoding="utf-8")
    played = depot_sim("run", "bba-microgrid", "--scenario", str(file), "--json")
    (scenario,) = played.json["scenarios"]
    assert (played.code, scenario["status"]) == (5, "unverified")
    assert scenario["reasons"] == ["the scenario expects no message, so nothing was verified"]


def test_a_shorter_run_calls_it_off() -> None:
    played = depot_sim("run", "--scenario", "bba-heartbeat-late", "--for", "2min", "--json")
    (scenario,) = played.json["scenarios"]
    assert (played.code, scenario["status"], scenario["steps_done"]) == (5, "stopped", 2)
    assert scenario["reasons"] == ["the run was stopped"]


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
