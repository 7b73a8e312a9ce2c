"""Scenarios through kill -9: every step once, and the run comes to the same as one that nobody disturbed."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from depot_sim.adapters.configuration_import.formats import Format
from depot_sim.adapters.configuration_import.loading import parse
from depot_sim.adapters.event_store import read_event_log
from depot_sim.adapters.scenario_library import ScenarioLibrary
from depot_sim.domain.kernel.events import EncodedEvent, decode
from depot_sim.domain.run.digest import RunDigest
from depot_sim.domain.run.events import RunTicked
from depot_sim.domain.scenario.execution import stream_of
from depot_sim.domain.scenario.execution_events import ScenarioExecutionStarted, ScenarioStepApplied
from tests.e2e.oscp_sides import eventually
from tests.e2e.processes import ROOT
from tests.e2e.test_kill import free_port, served
from tests.full_set import is_full
from tests.patience import patient

SCENARIO = "bba-mode-table"
LIBRARY = ScenarioLibrary(lambda text: parse(text, Format.YAML)[1])
BEGIN_S, LASTS_S = 1_800, 1_500  # the scenario has to be started before the run comes to 1,800 s: 4.5 s of wall time
END = (BEGIN_S + LASTS_S) * 1_000


def depot() -> Any:
    """A small depot with a controller, a battery and a roof."""
    document = yaml.safe_load((ROOT / "examples" / "three-bus-depot.yaml").read_text(encoding="utf-8"))
    (root,) = [node for node in document["topology"]["nodes"] if "parent" not in node]
    root |= {"fail_safe_limit": "20 kW", "other_load": [{"at": "00:00", "power": "20 kW"}]}
    extra = {
        "bess": [{"id": "battery", "node": root["id"]}],
        "pv": [{"id": "roof", "node": root["id"]}],
        "microgrid_controllers": [{"id": "controller", "node": root["id"], "grace": "10 s"}],
    }
    return document | extra


def scenario() -> Any:
    """What the scenario does to the world, without what it expects of a feed: answers come in wall time."""
    document = LIBRARY.document(SCENARIO)
    steps = [step for step in document["steps"] if "expect" not in step]
    needs = {name: kind for name, kind in document["needs"].items() if kind != "packet-feed"}
    return document | {"steps": steps, "needs": needs}


def start(url: str, clock: dict[str, str]) -> None:
    """The run "r", and the scenario on it from its half hour on."""
    with httpx.Client(base_url=url, timeout=patient(120), trust_env=False) as http:
        configuration = http.post("/simulation-configurations", json=depot())
        assert configuration.status_code == 201, configuration.text
        body = {"configuration_id": configuration.json()["id"], "run_id": "r", "tick": "1 s", "clock": clock}
        assert http.post("/simulation-runs", json=body).status_code == 201
        asked = {"document": scenario(), "begin": f"+{BEGIN_S} s"}
        begun = http.post("/simulation-runs/r/scenarios", json=asked)
        assert begun.status_code == 201, begun.text


def steps_done(url: str) -> int:
    with httpx.Client(base_url=url, timeout=patient(120), trust_env=False) as http:
        return int(http.get("/simulation-runs/r/scenarios/1").json()["steps_done"])


def wait_for_steps(url: str, count: int) -> None:
    eventually(lambda: steps_done(url), lambda done: done >= count)


def told(db: str) -> tuple[str, list[Any]]:
    """Canonical hash of the run up to the scenario's end, and what the scenario did; begun whenever it was."""
    digest = RunDigest()
    with read_event_log(db) as log:
        for row in log.read_stream("run-r"):
            digest.add(EncodedEvent(row.topic, row.state))
            if row.topic == RunTicked.TOPIC and row.decoded().event.at == END:  # type: ignore[attr-defined]
                break
        rows = log.read_stream(stream_of("r", "1"))
    events = [decode(row.topic, row.state) for row in rows]
    return digest.canonical_sha256, [event for event in events if not isinstance(event, ScenarioExecutionStarted)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Any]]:
    """By hand, in one request."""
    folder = tmp_path_factory.mktemp("undisturbed")
    db = f"sqlite:///{folder / 'reference.db'}"
    with (
        served(db, folder, free_port()) as (url, _),
        httpx.Client(base_url=url, timeout=patient(120), trust_env=False) as http,
    ):
        start(url, {"mode": "MANUAL"})
        moved = http.post("/simulation-runs/r/commands/tick", json={"count": END // 1_000 + 5})
        assert moved.status_code == 200, moved.text
    return told(db)


def test_a_run_that_follows_wall_time_is_killed_again_and_again_and_comes_to_the_same(
    tmp_path: Path, undisturbed: tuple[str, list[Any]]
) -> None:
    assert len([event for event in undisturbed[1] if isinstance(event, ScenarioStepApplied)]) == 39
    db, port = f"sqlite:///{tmp_path / 'killed.db'}", free_port()
    for life, steps in enumerate((3, 11, 24, 39) if is_full() else (11, 39)):
        with served(db, tmp_path, port) as (url, pid):
            if life == 0:
                start(url, {"speed": "400"})
            wait_for_steps(url, steps)
            if steps == 39:
                wait_until_finished(url)
            os.kill(pid, signal.SIGKILL)
    assert told(db) == undisturbed


def wait_until_finished(url: str) -> None:
    with httpx.Client(base_url=url, timeout=patient(120), trust_env=False) as http:
        played = http.build_request("GET", "/simulation-runs/r/scenarios/1")
        eventually(lambda: http.send(played).json()["status"], lambda status: status != "running")


@pytest.mark.full
def test_an_advance_that_is_killed_and_repeated_comes_to_the_same(
    tmp_path: Path, undisturbed: tuple[str, list[Any]]
) -> None:
    db, port = f"sqlite:///{tmp_path / 'killed.db'}", free_port()
    for life in range(3):
        with served(db, tmp_path, port) as (url, pid):
            if life == 0:
                start(url, {"mode": "MANUAL"})
            with suppress(httpx.TransportError):
                advance(url, patience=0.08 * (life + 1))
            os.kill(pid, signal.SIGKILL)
    with served(db, tmp_path, port) as (url, _):
        assert advance(url, patience=patient(120)).json()["at"] == END + 5_000
    assert told(db) == undisturbed


def advance(url: str, patience: float) -> httpx.Response:
    """Beyond the scenario's end, under one key however often it is asked."""
    with httpx.Client(base_url=url, timeout=patience, trust_env=False) as http:
        body = {"count": END // 1_000 + 5}
        return http.post("/simulation-runs/r/commands/tick", json=body, headers={"Idempotency-Key": "the-advance"})
