"""Following the log: blocking subscriptions, and one Tail for many tasks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from itertools import islice

import pytest

from depot_sim.adapters.event_store import EventStore, open_event_store
from depot_sim.application.event_log import Append, Filter, Row, StreamWrite
from depot_sim.application.subscription import Subscription, Tail, matches, read_page
from depot_sim.domain.kernel.errors import StoreError
from depot_sim.domain.kernel.events import EncodedEvent
from tests.patience import patient

RUN = Filter(stream_prefixes=("run-",))


@pytest.fixture
def store(store_url: str) -> Iterator[EventStore]:
    with open_event_store(store_url) as opened:
        yield opened


def append(store: EventStore, stream: str, count: int = 1) -> None:
    version = store.log.stream_version(stream)
    events = [EncodedEvent("test.subscription", b"%d" % number) for number in range(version, version + count)]
    store.log.append(Append([StreamWrite(stream, version, events)]))


def versions(rows: list[Row]) -> list[int]:
    return [row.version for row in rows]


async def take(pages: AsyncIterator[list[Row]], count: int) -> list[Row]:
    rows: list[Row] = []
    while len(rows) < count:
        rows += await anext(pages)
    return rows


def test_a_page_moves_on_over_rows_that_do_not_match(store: EventStore) -> None:
    append(store, "run-1")
    append(store, "config-1", 5)
    page = read_page(store.log, 0, RUN)
    assert (versions(page.rows), page.upto) == ([1], store.log.head())
    assert read_page(store.log, page.upto, RUN) == ([], page.upto)


def test_a_full_page_goes_no_further_than_its_last_row(store: EventStore) -> None:
    append(store, "run-1", 5)
    page = read_page(store.log, 0, RUN, limit=2)
    assert (versions(page.rows), page.upto) == ([1, 2], page.rows[-1].position)


def test_a_subscription_yields_what_was_and_what_comes(store: EventStore) -> None:
    append(store, "run-1", 3)
    append(store, "config-1")
    rows = iter(Subscription(store.log, where=RUN))
    assert versions(list(islice(rows, 3))) == [1, 2, 3]
    writer = threading.Timer(0.05, append, [store, "run-1"])
    writer.start()
    assert next(rows).version == 4
    writer.join()


def test_a_subscription_begins_after_its_position(store: EventStore) -> None:
    append(store, "run-1", 3)
    second = store.log.read_stream("run-1")[1].position
    assert next(iter(Subscription(store.log, second))).version == 3


def test_a_stopped_subscription_ends_also_while_it_waits(store: EventStore) -> None:
    append(store, "run-1", 3)
    subscription = Subscription(store.log)
    seen: list[Row] = []
    third = threading.Event()

    def follow() -> None:
        for row in subscription:
            seen.append(row)
            if len(seen) == 3:
                third.set()

    follower = threading.Thread(target=follow)
    follower.start()
    assert third.wait(patient(60))
    subscription.stop()
    follower.join(patient(60))
    assert not follower.is_alive()
    assert versions(seen) == [1, 2, 3]


def test_a_subscription_stopped_amid_a_page_yields_no_more_of_it(store: EventStore) -> None:
    append(store, "run-1", 3)
    subscription = Subscription(store.log)
    rows = iter(subscription)
    assert next(rows).version == 1
    subscription.stop()
    assert list(rows) == []


def test_many_tasks_each_see_every_row_once_with_one_thread(store: EventStore) -> None:
    async def follow() -> list[list[Row]]:
        tail = Tail(store.log)
        before = threading.active_count()
        followers = [asyncio.create_task(take(tail.pages(where=RUN), 50)) for _ in range(100)]
        for _ in range(50):
            await asyncio.to_thread(append, store, "run-1")
        seen = await asyncio.gather(*followers)
        tails = [thread.name for thread in threading.enumerate()].count("tail")
        assert before + tails <= threading.active_count()
        assert tails == 1
        await asyncio.to_thread(tail.close)
        return seen

    for rows in asyncio.run(follow()):
        assert versions(rows) == list(range(1, 51))


def test_a_task_that_is_far_behind_catches_up_without_a_gap(store: EventStore) -> None:
    async def follow() -> list[Row]:
        tail = Tail(store.log)
        append(store, "run-1", 600)
        ahead = tail.pages(store.log.head())
        waiting = asyncio.create_task(take(ahead, 1))
        await asyncio.sleep(0)
        append(store, "run-1", 400)
        await waiting
        rows = await take(tail.pages(limit=150), 1000)
        append(store, "run-1")
        rows += await take(tail.pages(rows[-1].position), 1)
        await asyncio.to_thread(tail.close)
        return rows

    assert versions(asyncio.run(follow())) == list(range(1, 1002))


def test_the_newest_rows_are_kept_when_many_come_at_once(store: EventStore) -> None:
    async def follow() -> None:
        tail = Tail(store.log)
        append(store, "run-1", 600)
        assert await tail.beyond(0)
        head = store.log.head()
        assert tail.newest(head - 300) is None
        page = tail.newest(head - 200, RUN)
        assert page is not None
        assert versions(page.rows) == list(range(401, 601))
        assert page.upto == tail.newest_upto(head - 200) == head
        await asyncio.to_thread(tail.close)

    asyncio.run(follow())


def test_rows_written_between_two_pages_are_not_lost(store: EventStore) -> None:
    async def follow() -> list[Row]:
        tail = Tail(store.log)
        rows: list[Row] = []
        append(store, "run-1", 3)
        async for page in tail.pages():
            rows += page
            if len(rows) >= 400:
                break
            await asyncio.to_thread(append, store, "run-1", 7)
            await asyncio.to_thread(append, store, "run-2", 3)
        await asyncio.to_thread(tail.close)
        return rows

    rows = asyncio.run(follow())
    assert [row.position for row in rows] == [row.position for row in store.log.read_all(0, len(rows))]


def test_closing_ends_every_iteration_and_the_thread(store: EventStore) -> None:
    async def follow() -> list[list[Row]]:
        tail = Tail(store.log)
        waiting = asyncio.create_task(_all(tail.pages()))
        append(store, "run-1")
        await take(tail.pages(), 1)
        await asyncio.to_thread(tail.close)
        return await waiting

    asyncio.run(follow())
    assert "tail" not in [thread.name for thread in threading.enumerate()]


def test_a_cancelled_task_disturbs_nobody(store: EventStore) -> None:
    async def follow() -> list[Row]:
        tail = Tail(store.log)
        cancelled, other = (asyncio.create_task(take(tail.pages(), 1)) for _ in range(2))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.to_thread(append, store, "run-1")
        rows = await other
        await asyncio.to_thread(tail.close)
        return rows

    assert versions(asyncio.run(follow())) == [1]


def test_a_store_that_fails_is_an_error_to_every_waiting_task() -> None:
    async def follow() -> None:
        with open_event_store("memory:") as store:
            tail = Tail(store.log)
            append(store, "run-1")
            pages = tail.pages(where=RUN)
            await anext(pages)
            waiting = asyncio.create_task(take(pages, 1))
            await asyncio.sleep(0)
            store.close()
            with pytest.raises(StoreError):
                await waiting
            await asyncio.to_thread(tail.close)

    asyncio.run(follow())


ROW = Row(1, "run-1", 1, "test.a", b"", 0, b"")


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Filter(), True),
        (Filter(topics=("test.a",)), True),
        (Filter(topics=("test.b",)), False),
        (Filter(streams=("run-2",)), False),
        (Filter(streams=("run-2",), stream_prefixes=("ru",)), True),
        (Filter(stream_prefixes=("ru",), topics=("test.b",)), False),
    ],
)
def test_a_row_matches_a_filter_as_a_read_of_the_log_would(where: Filter, expected: bool) -> None:
    assert matches(ROW, where) is expected


async def _all(pages: AsyncIterator[list[Row]]) -> list[list[Row]]:
    return [page async for page in pages]
