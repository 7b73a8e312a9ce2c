"""The same scenario again, and again with a kill in its middle: the same measurands, hashes, and outcome downstream."""

from __future__ import annotations

import os
import signal
from typing import Any, NamedTuple

import httpx
import pytest

from depot_sim.adapters.event_store import read_event_log
from depot_sim.domain.kernel.events import EncodedEvent
from depot_sim.domain.packets.feed import stream_of
from depot_sim.domain.run.digest import RunDigest
from tests.adapters.cli.command_line import depot_sim
from tests.e2e.oscp_stage import stand_in, url_of
from tests.e2e.packet_stage import BINDING, Scene
from tests.e2e.test_kill import free_port, served
from tests.patience import patient

NAME = "bba-all-fields"
KILLED_AT_S = 440
"""While heartbeats are lost and a limit holds, between two steps."""


class Played(NamedTuple):
    run_id: str
    readings: str
    """As the command line tells them."""
    outcome: Any
    """What the platform made of it."""


class Evidence(NamedTuple):
    db: str
    once: Played
    again: Played
    killed: Played
    seeded: Played

    def canonical(self, stream: str) -> str:
        digest = RunDigest()
        with read_event_log(self.db) as log:
            for row in log.read_stream(stream):
                digest.add(EncodedEvent(row.topic, row.state))
        return digest.canonical_sha256


pytestmark = pytest.mark.full  # tests/e2e/test_packets_faults.py has equal runs in the part


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    folder = tmp_path_factory.mktemp("repeat")
    db, port = f"sqlite:///{folder / 'store.db'}", free_port()
    with stand_in(folder) as platform:
        with served(db, folder, port) as (url, pid), client(url) as sim:
            once, again, seeded = (undisturbed(sim, platform, seed) for seed in (1, 1, 2))
            begun = Scene.opened(sim, platform)
            execution = begun.plays(NAME)
            begun.move(KILLED_AT_S)
            os.kill(pid, signal.SIGKILL)
        with served(db, folder, port) as (url, _), client(url) as sim:
            scene = begun._replace(sim=sim)
            scene.move(execution["ends_at"] // 1_000 - KILLED_AT_S)
            assert scene.ended(execution["execution_id"])["status"] == "passed"
            killed = told(scene)
    return Evidence(db, once, again, killed, seeded)


def client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=patient(120), trust_env=False)


def undisturbed(sim: httpx.Client, platform: httpx.Client, seed: int) -> Played:
    scene = Scene.opened(sim, platform, seed=seed)
    assert scene.play(NAME)["status"] == "passed"
    return told(scene)


def told(scene: Scene) -> Played:
    line = ("packets", "readings", "--run", scene.run_id, "--json", "--url", url_of(scene.sim))
    readings = depot_sim(*line)
    assert readings.code == 0, readings.err
    return Played(scene.run_id, readings.out, outcome(scene.microgrid()))


def outcome(found: Any) -> Any:
    """Without when it was received, and in which packet of which run; values of a moment in the order of devices."""
    circuits = {
        one["circuit"]: [
            (change["at"], change["standing"], change["kw"], change["reason"]) for change in one["changes"]
        ]
        for one in found["circuits"]
    }
    history = {(one["at"], one["device"], one["capability"], str(one["value"])) for one in found["capability_history"]}
    sources = {
        one["id"]: {key: (latest["value"], latest["at"]) for key, latest in one["values"].items()}
        for one in found["power_sources"]
    }
    return circuits, history, sources, found["clock"]


@pytest.mark.parametrize("other", ["again", "killed"])
def test_runs_of_the_same_scenario_send_the_same_measurands(evidence: Evidence, other: str) -> None:
    """The lines of `packets readings --json`, which nothing has to be cut from."""
    played: Played = getattr(evidence, other)
    assert played.run_id != evidence.once.run_id
    assert len(played.readings.splitlines()) > 5_000
    assert played.readings == evidence.once.readings


@pytest.mark.parametrize("other", ["again", "killed"])
def test_they_come_to_the_same_at_the_platform(evidence: Evidence, other: str) -> None:
    played: Played = getattr(evidence, other)
    assert len(played.outcome[1]) > 50
    assert played.outcome == evidence.once.outcome


@pytest.mark.parametrize("other", ["again", "killed"])
def test_the_canonical_hashes_of_run_and_feed_are_equal(evidence: Evidence, other: str) -> None:
    one, two = evidence.once.run_id, getattr(evidence, other).run_id
    assert evidence.canonical(f"run-{one}") == evidence.canonical(f"run-{two}")
    assert evidence.canonical(stream_of(one, BINDING)) == evidence.canonical(stream_of(two, BINDING))


def test_another_seed_sends_other_measurands_and_has_other_hashes(evidence: Evidence) -> None:
    """Lest they be equal because nothing is in them."""
    one, other = evidence.once, evidence.seeded
    assert other.readings != one.readings
    assert evidence.canonical(f"run-{one.run_id}") != evidence.canonical(f"run-{other.run_id}")
    feeds = [evidence.canonical(stream_of(played.run_id, BINDING)) for played in (one, other)]
    assert feeds[0] != feeds[1]
