"""Batch runs on a store: started, killed, interrupted, continued."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

import pytest

from depot_sim.adapters.event_store import EventStore, open_event_store
from depot_sim.application.event_log import Append
from depot_sim.application.run.archive import StoredRun
from depot_sim.application.run.batch import finish, run_until, write_nothing
from depot_sim.application.run.batch_store import BatchPlan, BatchRun, BatchStore
from depot_sim.application.run.requests import StartRun
from depot_sim.application.run.start import started_run
from depot_sim.application.run.writer import RunWriter
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import Conflict, InvalidInput, LeaseLost, NotFound, RunHeldElsewhere
from depot_sim.domain.kernel.quantities import MS_PER_HOUR, MS_PER_SECOND, Duration
from depot_sim.domain.run.aggregate import RunStatus, SimulationRun
from depot_sim.domain.run.digest import RunDigest
from tests.domain.configuration.samples import depot

UNTIL = 24 * MS_PER_HOUR
DEPOT = Definition.of(depot())


class HastyClock:
    """A second passes whenever somebody looks."""

    def __init__(self) -> None:
        self._now_us = 0

    def monotonic_us(self) -> int:
        self._now_us += 1_000_000
        return self._now_us

    def sleep_us(self, duration_us: int) -> None:
        self._now_us += duration_us


class Killed(Exception):
    """Stands for kill -9: nothing that was decided after it is written, and nothing is tidied up."""


@pytest.fixture
def store() -> Iterator[EventStore]:
    with open_event_store("memory:") as opened:
        yield opened


def runs(store: EventStore, owner: str = "me") -> BatchStore:
    return BatchStore(store.log, store.leases, HastyClock(), owner)


def new_run(run_id: str = "r") -> SimulationRun:
    request = StartRun("c", seed=7, tick=Duration(20 * MS_PER_SECOND))
    return started_run(run_id, DEPOT, 1, request)


def start(store: EventStore, run_id: str = "r") -> BatchRun:
    return runs(store).start(new_run(run_id), DEPOT, BatchPlan("test", until=UNTIL))


def carry_out(batches: BatchStore, batch: BatchRun) -> str:
    run_until(batch.writer, batch.until, batches.write, keep_snapshot=batches.keep_snapshot)
    return finish(batch.writer, batches.write).canonical_sha256


def expected_hash() -> str:
    writer = RunWriter(StoredRun(new_run(), RunDigest()), token=0)
    run_until(writer, UNTIL, write_nothing)
    return finish(writer, write_nothing).canonical_sha256


@pytest.mark.parametrize("slices", [0, 1, 6])
def test_a_killed_run_goes_on_to_the_end_and_the_hash_it_was_started_for(store: EventStore, slices: int) -> None:
    batches, batch = runs(store), start(store)
    written = count(1)

    def write_until_killed(append: Append) -> Sequence[int]:
        if next(written) > slices:
            raise Killed
        return batches.write(append)

    with pytest.raises(Killed):
        run_until(batch.writer, UNTIL, write_until_killed)

    again = runs(store)
    resumed = again.resume("r")
    assert resumed.until == UNTIL
    assert carry_out(again, resumed) == expected_hash()


def test_an_interrupted_run_may_be_continued_by_another_owner_at_once(store: EventStore) -> None:
    batches, batch = runs(store), start(store)
    run_until(batch.writer, UNTIL // 2, batches.write)
    batches.release(batch.writer)

    other = runs(store, "other")
    assert carry_out(other, other.resume("r")) == expected_hash()


def test_a_finished_run_is_resumed_as_it_is(store: EventStore) -> None:
    batches, batch = runs(store), start(store)
    carry_out(batches, batch)
    version = batch.writer.run.version

    resumed = runs(store).resume("r")

    assert resumed.stopped
    assert resumed.writer.run.version == version == store.log.stream_version("run-r")
    assert store.leases.unheld("anybody") == []


def test_a_paused_run_runs_again_when_it_is_continued(store: EventStore) -> None:
    batches, batch = runs(store), start(store)
    batch.writer.run.pause()
    batches.write(batch.writer.next_append())

    resumed = runs(store).resume("r")

    assert resumed.writer.run.status is RunStatus.RUNNING


def test_a_run_may_be_continued_for_longer_but_not_into_its_past(store: EventStore) -> None:
    batches, batch = runs(store), start(store)
    run_until(batch.writer, 2 * MS_PER_HOUR, batches.write)

    assert runs(store).resume("r", 3 * MS_PER_HOUR).until == 3 * MS_PER_HOUR
    with pytest.raises(InvalidInput) as refused:
        runs(store).resume("r", MS_PER_HOUR)
    assert refused.value.faults[0].pointer == "/for"


def test_a_run_that_another_process_holds_is_left_to_it(store: EventStore) -> None:
    start(store)

    with pytest.raises(RunHeldElsewhere) as refused:
        runs(store, "other").resume("r")
    assert refused.value.holder == "me"


def test_a_run_id_is_used_once(store: EventStore) -> None:
    start(store)

    with pytest.raises(Conflict):
        start(store)


def test_a_run_nobody_started_is_not_found_and_leaves_no_lease(store: EventStore) -> None:
    with pytest.raises(NotFound):
        runs(store).resume("nobody")
    assert store.leases.unheld("anybody") == []


def test_a_run_without_a_plan_needs_to_be_told_how_long(store: EventStore) -> None:
    runs(store).start(new_run(), DEPOT, BatchPlan())

    with pytest.raises(InvalidInput) as refused:
        runs(store).resume("r")
    assert refused.value.faults[0].pointer == "/for"


def test_two_runs_of_one_depot_share_its_configuration(store: EventStore) -> None:
    start(store, "one")
    start(store, "two")

    assert store.log.stream_version("configuration-c") == 1


def test_a_run_taken_over_can_write_nothing_more(store: EventStore) -> None:
    batches, batch = runs(store), start(store)
    runs(store).resume("r")
    batch.writer.run.tick()

    with pytest.raises(LeaseLost):
        batches.write(batch.writer.next_append())
