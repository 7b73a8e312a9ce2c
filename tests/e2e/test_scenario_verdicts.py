"""What a scenario's verdict means: against a platform that takes packets, one that refuses them, and none at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from tests.adapters.cli.command_line import Result, depot_sim
from tests.e2e.conftest import Processes
from tests.e2e.oscp_stage import url_of
from tests.e2e.packet_endpoint import Endpoint
from tests.e2e.packet_stage import BINDING, Scene, microgrid
from tests.e2e.processes import ROOT
from tests.e2e.test_kill import free_port
from tests.full_set import only_full

LIBRARY = sorted(path.stem for path in (ROOT / "adapters" / "scenario_library").glob("*.yaml"))
HEARTBEATS = {
    "name": "heartbeats",
    "depot": "bba-microgrid",
    "needs": {"feed": "packet-feed"},
    "steps": [
        {
            "at": "0 s",
            "expect": {
                "on": "$feed",
                "title": "a heartbeat",
                "within": "1 min",
                "messages": [{"message_types": ["Heartbeat"]}],
            },
        }
    ],
    "lasts": "2 min",
}
NOTHING_EXPECTED = HEARTBEATS | {
    "name": "nothing-expected",
    "steps": [{"at": "0 s", "clear-overrides": {"on": "$feed"}}],
}


def forcing(*steps: Any) -> Any:
    """The scenario, with steps that force something on the feed before its expectation."""
    return HEARTBEATS | {"steps": [*steps, *HEARTBEATS["steps"]]}


def name_of(scenario: Any) -> str:
    return scenario if isinstance(scenario, str) else str(scenario["name"])


OUTAGE = {"at": "0 s", "override": {"on": "$feed", "mode": "network_outage"}}
NO_EVENTS = {"at": "0 s", "override": {"on": "$feed", "mode": "drop_events"}}


@pytest.fixture
def refusing() -> Iterator[Endpoint]:
    """A platform that answers 422 to every packet."""

    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=422, text="not like this")

    platform = Endpoint()
    platform.lie, platform.lies = refuse, 1_000_000
    platform.up()
    yield platform
    platform.close()


def play(processes: Processes, folder: Path, scenario: Any, endpoint: str) -> Result:
    """In one line; a name is one of the library."""
    what = scenario
    if not isinstance(scenario, str):
        what = str(folder / "scenario.yaml")
        Path(what).write_text(json.dumps(scenario), encoding="utf-8")
    line = ("scenario", "start", what, "--packets-endpoint", endpoint, "--url", url_of(processes[0]), "--json")
    return depot_sim(*line, *(("--tick", "10 s") if "trap-2" in what else ()))


@pytest.mark.parametrize(
    "scenario", [HEARTBEATS, *(only_full(one) for one in (NOTHING_EXPECTED, *LIBRARY))], ids=name_of
)
def test_against_a_closed_port_it_fails_and_says_which_packets_were_not_delivered(
    scenario: Any, processes: Processes, tmp_path: Path
) -> None:
    played = play(processes, tmp_path, scenario, f"http://127.0.0.1:{free_port()}/packets")
    assert (played.code, played.json["verdict"]) == (1, "failed"), played.out + played.err
    assert "BIRTH 0 of" in played.json["reasons"][0]
    assert "not delivered: waiting to be sent" in played.json["reasons"][0]


def test_packets_that_the_platform_refuses_fail_it(processes: Processes, refusing: Endpoint, tmp_path: Path) -> None:
    played = play(processes, tmp_path, HEARTBEATS, refusing.url)
    assert (played.code, played.json["verdict"]) == (1, "failed")
    (reason,) = played.json["reasons"]
    assert reason.startswith("feed site-packets: BIRTH 0 of ")
    assert reason.endswith(" more not delivered: refused for good (answered 422)")
    assert [step["verdict"] for step in played.json["steps"]] == ["met"]


def test_a_platform_that_takes_everything_verifies_nothing_when_nothing_is_expected(
    processes: Processes, tmp_path: Path
) -> None:
    endpoint = f"{url_of(processes[1])}/packets"
    played = play(processes, tmp_path, NOTHING_EXPECTED, endpoint)
    assert (played.code, played.json["verdict"]) == (5, "unverified")
    assert played.json["reasons"] == ["the scenario expects no message, so nothing was verified"]
    assert play(processes, tmp_path, HEARTBEATS, endpoint).code == 0


@pytest.mark.parametrize("step", [OUTAGE, NO_EVENTS], ids=["outage", "withheld"])
def test_what_the_scenario_itself_keeps_back_does_not_count(step: Any, processes: Processes, tmp_path: Path) -> None:
    played = play(processes, tmp_path, forcing(step), f"{url_of(processes[1])}/packets")
    assert (played.code, played.json["verdict"], played.json["reasons"]) == (0, "passed", [])


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        only_full("network_outage", "not delivered: waiting to be sent"),
        ("drop_events", "not delivered: dropped (withheld by an override)"),
    ],
)
def test_what_somebody_else_keeps_back_fails_it(mode: str, said: str, processes: Processes) -> None:
    scene = Scene.opened(*processes)
    scene.sim.patch(f"{scene.path}/overrides", json={"mode": mode}).raise_for_status()
    begun = scene.sim.post(f"{scene.run}/scenarios", json={"document": HEARTBEATS}).json()
    scene.move(120)
    execution = scene.judged(begun["execution_id"])
    assert execution["verdict"] == "failed"
    assert said in execution["reasons"][0]
    scene.sim.patch(f"{scene.path}/overrides", json={"clear": "all"}).raise_for_status()


def test_packets_from_before_the_scenario_are_not_its_concern(processes: Processes) -> None:
    scene = Scene.opened(*processes)
    scene.sim.patch(f"{scene.path}/overrides", json={"mode": "drop_packets"}).raise_for_status()
    scene.move(60)
    scene.observed_to_the_present()
    scene.sim.patch(f"{scene.path}/overrides", json={"clear": "all"}).raise_for_status()
    begun = scene.sim.post(f"{scene.run}/scenarios", json={"document": HEARTBEATS, "begin": "+61 s"}).json()
    scene.move(130)
    execution = scene.judged(begun["execution_id"])
    assert (execution["verdict"], execution["reasons"]) == ("passed", [])


def test_a_feed_that_the_depot_configures_is_open_when_the_scenario_starts(
    processes: Processes, tmp_path: Path
) -> None:
    binding = {
        "family": "packets",
        "id": BINDING,
        "managed_scope": "site",
        "endpoint": f"{url_of(processes[1])}/packets",
    }
    depot, file = tmp_path / "depot.yaml", tmp_path / "scenario.yaml"
    depot.write_text(yaml.safe_dump(microgrid(projection_bindings=[binding])), encoding="utf-8")
    file.write_text(json.dumps(HEARTBEATS), encoding="utf-8")
    for _ in range(4):
        line = ("scenario", "start", str(file), "--depot", str(depot), "--url", url_of(processes[0]))
        played = depot_sim(*line)
        assert played.code == 0, played.out + played.err


def test_a_run_of_a_scenario_s_own_ends_with_its_verdict_and_can_be_named_and_kept(
    processes: Processes, tmp_path: Path
) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(json.dumps(HEARTBEATS), encoding="utf-8")
    sim, platform = processes
    line = ("scenario", "start", str(file), "--packets-endpoint", f"{url_of(platform)}/packets", "--url", url_of(sim))
    kept, ended = f"kept-{tmp_path.name}", f"ended-{tmp_path.name}"
    assert depot_sim(*line, "--run-id", kept, "--keep").code == 0
    assert depot_sim(*line, "--run-id", ended).code == 0
    runs = {run: sim.get(f"/simulation-runs/{run}").json() for run in (kept, ended)}
    assert [runs[run]["status"] for run in (kept, ended)] == ["RUNNING", "STOPPED"]
    assert runs[kept]["configuration_id"] == runs[ended]["configuration_id"]
    assert depot_sim("scenario", "wait", "1", "--run", ended, "--url", url_of(sim)).code == 0
    assert depot_sim("runs", "stop", kept, "--url", url_of(sim)).code == 0
    assert sim.get(f"/simulation-runs/{kept}").json()["status"] == "STOPPED"
