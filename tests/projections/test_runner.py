"""The runner follows the log, survives what goes wrong, and says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from depot_sim.application.event_log import Filter, Row
from depot_sim.domain.kernel.errors import StoreError
from depot_sim.domain.run.events import RunTicked
from depot_sim.projections.configurations import ConfigurationsProjector
from depot_sim.projections.projector import Change, Projector
from depot_sim.projections.rebuild import rebuild
from depot_sim.projections.runner import LONGEST_BACKOFF_SECONDS, Runner, State, Status, backoff_seconds
from depot_sim.read_models import configurations, runs
from depot_sim.read_models.database import Database
from depot_sim.read_models.runs import get_run
from tests.patience import patient
from tests.projections.every_model import MODELS, PROJECTORS
from tests.projections.samples import Stores, append, opened, save, started, ticked


@contextmanager
def running(stores: Stores, *projectors: Projector) -> Iterator[Runner]:
    runner = Runner(stores.log, stores.read, projectors or PROJECTORS)
    runner.start()
    try:
        yield runner
    finally:
        runner.stop()


def until(runner: Runner, holds: Callable[[Status], bool]) -> Status:
    """The status of the only read model once it is as wanted."""
    deadline = time.monotonic() + patient(60)
    while time.monotonic() < deadline:
        (status,) = runner.statuses()
        if holds(status):
            return status
        threading.Event().wait(0.002)
    raise AssertionError(f"still {status}")


class Stubborn:
    """Shows nothing and takes nothing while `trouble` says why."""

    model = runs.MODEL
    where = Filter()

    def __init__(self, trouble: Exception | None = None) -> None:
        self.trouble = trouble
        self.attempts = 0

    def project(self, page: Sequence[Row], before: Database) -> Iterable[Change]:  # noqa: ARG002
        self.attempts += 1
        if self.trouble is not None:
            raise self.trouble
        return []


def test_every_commit_is_shown_soon_after(stores: Stores) -> None:
    run = started("r1")
    with running(stores) as runner:
        for _ in range(5):
            position = save(stores.log, ticked(run, 3))
            assert runner.wait_for(runs.MODEL, position, patient(60))
            shown = get_run(stores.database(runs.MODEL), "r1")
            assert shown is not None
            assert shown.ticks == run.world.tick
        assert all(runner.wait_for(model, position, patient(60)) for model in MODELS)
        assert [(status.read_model, status.state, status.lag) for status in runner.statuses()] == [
            (model.name, State.FOLLOWING, 0) for model in MODELS
        ]


def test_waiting_for_what_never_comes_ends(memory: Stores) -> None:
    with running(memory) as runner:
        assert not runner.wait_for(runs.MODEL, 1, 0.01)


def test_only_the_read_model_that_is_asked_for_is_waited_for(memory: Stores) -> None:
    """The wait ends while another read model fails; the wait for the one that fails ends at its time-out."""
    with running(memory, Stubborn(StoreError("the disk is full", "free some")), ConfigurationsProjector()) as runner:
        position = save(memory.log, started("r1"))
        assert runner.wait_for(configurations.MODEL, position, patient(60))
        assert not runner.wait_for(runs.MODEL, position, 0.01)


def test_stopping_ends_every_thread_and_starting_again_goes_on(stores: Stores) -> None:
    run = started("r1")
    for _ in range(3):
        with running(stores) as runner:
            assert runner.wait_for(runs.MODEL, save(stores.log, ticked(run, 2)), patient(60))
        assert {status.state for status in runner.statuses()} == {State.STOPPED}
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("project-")]
    shown = get_run(stores.database(runs.MODEL), "r1")
    assert shown is not None
    assert shown.ticks == 6


def test_two_runners_on_one_database_count_every_event_once(postgres_url: str) -> None:
    run = started("r1")
    with opened(postgres_url) as one, opened(postgres_url) as other, running(one) as first, running(other) as second:
        for _ in range(40):
            position = save(one.log, ticked(run, 5))
        assert first.wait_for(runs.MODEL, position, patient(60))
        assert second.wait_for(runs.MODEL, position, patient(60))
        shown = get_run(one.database(runs.MODEL), "r1")
        assert shown is not None
        assert (shown.ticks, shown.version) == (run.world.tick, run.version)
        equal = [rebuild(p, one.log, one.read[p.model], verify=True).equal for p in PROJECTORS]
        assert set(equal) == {True}


def test_an_event_that_cannot_be_taken_is_shown_with_its_position_and_holds_only_its_own_model(stores: Stores) -> None:
    save(stores.log, started("r1"))
    poison = append(stores.log, "run-never-started", RunTicked(1))
    with running(stores) as runner:
        deadline = time.monotonic() + patient(60)
        while True:
            trouble, other, *_ = runner.statuses()
            if trouble.failures >= 2 and other.state is State.FOLLOWING:
                break
            assert time.monotonic() < deadline, (trouble, other)
            threading.Event().wait(0.002)
        assert (trouble.state, trouble.poison, trouble.position) == (State.FAILING, poison, poison - 1)
        assert "run.ticked.1" in trouble.error
        assert get_run(stores.database(runs.MODEL), "r1") is not None


@pytest.mark.parametrize("trouble", [StoreError("the disk is full", "free some"), ValueError("no such bus")])
def test_trouble_is_shown_tried_again_and_forgotten_when_it_is_over(memory: Stores, trouble: Exception) -> None:
    projector = Stubborn(trouble)
    with running(memory, projector) as runner:
        save(memory.log, started("r1"))
        failing = until(runner, lambda status: status.failures >= 2)
        assert (failing.state, failing.error, failing.poison) == (State.FAILING, str(trouble), None)
        projector.trouble = None
        sound = until(runner, lambda status: status.state is State.FOLLOWING and status.lag == 0)
        assert (sound.error, sound.failures) == ("", 0)


def test_a_runner_in_trouble_stops_at_once(memory: Stores) -> None:
    projector = Stubborn(OSError("gone"))
    runner = Runner(memory.log, memory.read, [projector])
    runner.start()
    save(memory.log, started("r1"))
    until(runner, lambda status: status.failures >= 4)
    begun = time.monotonic()
    runner.stop()
    assert time.monotonic() - begun < backoff_seconds(4)


def test_attempts_become_rarer_up_to_a_bound() -> None:
    waits = [backoff_seconds(failures) for failures in range(1, 100)]
    assert waits == sorted(waits)
    assert waits[1] == 2 * waits[0]
    assert waits[-1] == LONGEST_BACKOFF_SECONDS


def test_a_damaged_read_model_is_rebuilt(sqlite_url: str, tmp_path: Path) -> None:
    with opened(sqlite_url) as stores:
        position = save(stores.log, ticked(started("r1"), 5))
        stores.catch_up()
    (tmp_path / "store.db.read" / "runs.db").resolve().write_bytes(b"no database at all" * 1000)
    with opened(sqlite_url) as stores, running(stores) as runner:
        assert runner.wait_for(runs.MODEL, position, patient(60))
        shown = get_run(stores.database(runs.MODEL), "r1")
        assert shown is not None
        assert shown.ticks == 5
