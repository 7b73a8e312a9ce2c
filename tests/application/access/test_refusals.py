"""The audit of refused requests: bounded counts, recorded once a minute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import pytest

from depot_sim.adapters.event_store import EventStore, open_event_store
from depot_sim.application.access.refusals import RefusedRequest, RefusedRequests
from depot_sim.application.event_log import Append, Journal
from depot_sim.domain.access.refused import HOUR_MS, OTHERS, RefusedOnDay, RequestsRefused
from depot_sim.domain.kernel.errors import StoreError
from depot_sim.domain.kernel.events import decode
from tests.application.run.processes import FakeClock, Process, until

MOST_ROWS = 1_024
MOST_SENDERS = 256

pytestmark = pytest.mark.anyio

MISSING = RefusedRequest("10.0.0.9", "control", "/simulation-runs", "token.missing")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def store() -> Iterator[EventStore]:
    with open_event_store("memory:") as opened:
        yield opened


class Refusing:
    """A journal on a disk that may be full."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.refuses = False

    async def append(self, append: Append) -> Sequence[int]:
        if self.refuses:
            raise StoreError("the disk is full")
        return await self._journal.append(append)

    async def close(self) -> None:
        await self._journal.close()


def audit(store: EventStore, clock: FakeClock) -> RefusedRequests:
    return RefusedRequests(store.log, Process(store, clock, "here").journal, clock)


def recorded(store: EventStore) -> list[RequestsRefused]:
    rows = store.log.read_all()
    return [event for row in rows if isinstance(event := decode(row.topic, row.state), RequestsRefused)]


def reached(store: EventStore, count: int) -> bool:
    return len(recorded(store)) == count


def today(clock: FakeClock) -> int:
    return clock.now_us() // 1_000 // (24 * HOUR_MS)


async def test_counts_are_visible_at_once_and_recorded_once(store: EventStore) -> None:
    clock = FakeClock()
    refused = audit(store, clock)
    for _ in range(1_000):
        refused.note(MISSING)
    assert [count.count for count in await refused.on_day(today(clock))] == [1_000]
    assert recorded(store) == []
    await refused.record()
    await refused.record()
    (event,) = recorded(store)
    assert [(count.key.sender, count.count) for count in event.counts] == [("10.0.0.9", 1_000)]
    assert [count.count for count in await refused.on_day(today(clock))] == [1_000]
    assert refused.totals == {("control", "token.missing"): 1_000}


async def test_a_task_records_once_a_minute(store: EventStore) -> None:
    clock = FakeClock()
    refused = audit(store, clock)
    process = Process(store, clock, "here")
    process.run_in_background(refused.run())
    for _ in range(3):
        refused.note(MISSING)
        await until(lambda: clock.sleepers)
        wanted = len(recorded(store)) + 1
        clock.advance(60_000_000)
        await until(partial(reached, store, wanted))
    assert sum(count.count for event in recorded(store) for count in event.counts) == 3


async def test_two_processes_count_into_the_same_day(store: EventStore) -> None:
    clock = FakeClock()
    here, there = audit(store, clock), audit(store, clock)
    for one in (here, there, here):
        one.note(MISSING)
        await one.record()
    for one in (here, there):
        assert [count.count for count in await one.on_day(today(clock))] == [3]


async def test_hours_and_days_are_counted_apart(store: EventStore) -> None:
    clock = FakeClock()
    refused = audit(store, clock)
    refused.note(MISSING)
    clock.advance(HOUR_MS * 1_000)
    refused.note(MISSING)
    clock.advance(24 * HOUR_MS * 1_000)
    refused.note(MISSING)
    await refused.record()
    assert len(recorded(store)) == 2
    both = await refused.on_day(today(clock) - 1)
    assert [(count.key.hour // HOUR_MS - both[-1].key.hour // HOUR_MS, count.count) for count in both] == [
        (1, 1),
        (0, 1),
    ]
    assert len(await refused.on_day(today(clock))) == 1


async def test_senders_beyond_the_bound_are_counted_together(store: EventStore) -> None:
    clock = FakeClock()
    refused = audit(store, clock)
    for number in range(MOST_SENDERS + 1_000):
        refused.note(MISSING._replace(sender=f"10.0.{number // 250}.{number % 250}"))
    counts = {count.key.sender: count.count for count in await refused.on_day(today(clock))}
    assert len(counts) == MOST_SENDERS + 1
    assert counts[OTHERS] == 1_000


async def test_rows_beyond_the_bound_are_counted_together(store: EventStore) -> None:
    clock = FakeClock()
    refused = audit(store, clock)
    for number in range(MOST_ROWS + 500):
        refused.note(MISSING._replace(route=f"/route-{number}"))
    counts = await refused.on_day(today(clock))
    assert len(counts) == MOST_ROWS + 1
    assert [count.count for count in counts if count.key.route == OTHERS] == [500]
    await refused.record()
    (row,) = (row for row in store.log.read_all() if row.topic == RequestsRefused.TOPIC)
    assert len(row.state) < 300_000


async def test_a_store_that_cannot_be_written_loses_no_count_and_stops_nobody(store: EventStore) -> None:
    clock = FakeClock()
    journal = Refusing(Process(store, clock, "here").journal)
    refused = RefusedRequests(store.log, journal, clock)
    refused.note(MISSING)
    journal.refuses = True
    await refused.try_to_record()
    refused.note(MISSING)
    assert [count.count for count in await refused.on_day(today(clock))] == [2]
    journal.refuses = False
    await refused.try_to_record()
    assert [count.count for event in recorded(store) for count in event.counts] == [2]


async def test_a_day_has_a_stream_of_its_own() -> None:
    assert RefusedOnDay(20_000).stream == "refused-requests-20000"
