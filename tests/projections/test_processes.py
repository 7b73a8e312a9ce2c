"""Projecting and rebuilding in real processes on PostgreSQL: killed in the middle, and under fifty clients."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.projections.rebuild import rebuild
from depot_sim.projections.runner import Runner
from depot_sim.read_models import power, runs
from depot_sim.read_models.power_history import EntityKind, power_history
from depot_sim.read_models.runs import get_run
from tests.full_set import examples
from tests.patience import patient
from tests.processes import killed_at_end, start_module
from tests.projections.every_model import PROJECTORS
from tests.projections.samples import MINUTE, Stores, opened, save, started, ticked


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Killed at the end, as by kill -9."""
    with killed_at_end(start_module("tests.projections.process", *arguments)) as child:
        yield child


def test_a_projector_that_is_killed_again_and_again_counts_every_event_once(postgres_url: str) -> None:
    run = ticked(started("r1", tick_ms=1_000), 4_000)
    with opened(postgres_url) as stores:
        head = save(stores.log, run)
        killed_at, kills = [], examples(4, 2)
        for kill in range(kills):
            with process("project", postgres_url) as child:
                goal = (kill + 1) * head // (kills + 2)
                while stores.read[power.MODEL].stored().mark.position < goal:
                    assert child.poll() is None
            killed_at.append(stores.read[power.MODEL].stored().mark.position)
        assert any(0 < position < head for position in killed_at)
        stores.catch_up()
        shown = get_run(stores.database(runs.MODEL), "r1")
        assert shown is not None
        assert (shown.ticks, shown.version) == (4_000, run.version)
        assert [rebuild(p, stores.log, stores.read[p.model], verify=True).equal for p in PROJECTORS] == [True] * len(
            PROJECTORS
        )


def test_a_rebuild_that_is_killed_leaves_the_service_alone_and_can_be_begun_again(postgres_url: str) -> None:
    with opened(postgres_url) as stores:
        save(stores.log, ticked(started("r1", tick_ms=1_000), 2_000))
        stores.catch_up()
        grown = stores.rows()
        with process("rebuild", postgres_url, "1000") as child:
            assert child.stdout is not None
            for _ in range(4):
                assert child.stdout.readline()
        assert stores.rows() == grown
        assert [rebuild(p, stores.log, stores.read[p.model], verify=True).equal for p in PROJECTORS] == [True] * len(
            PROJECTORS
        )
        assert stores.rows() == grown


def test_rebuilds_in_another_process_fail_no_query_of_fifty_clients(postgres_url: str) -> None:
    """While a writer writes: every answer is whole, none is older than the one before, and the tables are equal."""
    run, rebuilds = ticked(started("r1"), 30), examples(4, 2)
    with opened(postgres_url) as stores:
        runner = Runner(stores.log, stores.read, PROJECTORS)
        runner.start()
        saved = save(stores.log, run)
        assert all(runner.wait_for(model, saved, patient(60)) for model in (runs.MODEL, power.MODEL))
        done = threading.Event()
        with ThreadPoolExecutor(51) as clients, process("rebuild", postgres_url, str(rebuilds)) as rebuilding:
            answers = [clients.submit(_ask, stores, done) for _ in range(50)]
            writing = clients.submit(_write, stores, run, done)
            try:
                output, _ = rebuilding.communicate(timeout=patient(120))
            finally:
                done.set()
        assert output.split() == [word for _ in range(rebuilds) for p in PROJECTORS for word in (p.model.name, "True")]
        assert sum(answer.result() for answer in answers) > 50
        assert runner.wait_for(runs.MODEL, writing.result(), patient(60))
        runner.stop()
        shown = get_run(stores.database(runs.MODEL), "r1")
        assert shown is not None
        assert (shown.ticks, shown.version) == (run.world.tick, run.version)


def _ask(stores: Stores, done: threading.Event) -> int:
    """Ask until told to stop; the number of answers."""
    asked = ticks = present = 0
    while not done.is_set():
        shown = get_run(stores.database(runs.MODEL), "r1")
        assert shown is not None
        assert shown.ticks >= ticks
        history = power_history(
            stores.database(power.MODEL), "r1", EntityKind.CHARGER, "fast", resolution_ms=10 * MINUTE
        )
        assert history is not None
        assert history.end >= present
        assert (history.buckets[-1].end, history.buckets[-1].energy_mj > 0) == (history.end, True)
        ticks, present = shown.ticks, history.end
        asked += 1
    return asked


def _write(stores: Stores, run: SimulationRun, done: threading.Event) -> int:
    """Tick until told to stop; the last position."""
    position = stores.log.head()
    while not done.is_set():
        position = save(stores.log, ticked(run, 1))
    return position
