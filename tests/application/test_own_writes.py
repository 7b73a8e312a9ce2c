"""What this process wrote is told from what others wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from depot_sim.adapters.event_store import EventStore, open_event_store
from depot_sim.application.event_log import Append, Filter, Row, StreamWrite
from depot_sim.application.own_writes import OwnWrites
from depot_sim.domain.kernel.events import EncodedEvent

pytestmark = pytest.mark.anyio

OURS = Filter(stream_prefixes=("ours-",))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def store(store_url: str) -> Iterator[EventStore]:
    with open_event_store(store_url) as opened:
        append_elsewhere(opened, "ours-before")
        yield opened


@pytest.fixture
async def writes(store: EventStore) -> AsyncIterator[OwnWrites]:
    journal = OwnWrites(store.journal(), store.log)
    yield journal
    await journal.close()


def events(stream: str, expected_version: int = 0, count: int = 1) -> Append:
    return Append([StreamWrite(stream, expected_version, [EncodedEvent("test.own-writes", b"{}")] * count)])


def append_elsewhere(store: EventStore, stream: str, count: int = 1) -> None:
    store.log.append(events(stream, count=count))


async def seen(writes: OwnWrites) -> list[str]:
    rows: list[Row] = []
    async for page in writes.by_others(OURS):
        rows += page
    return [row.stream for row in rows]


async def test_nothing_is_read_of_what_only_this_process_wrote(writes: OwnWrites) -> None:
    positions = await writes.append(events("ours-1", count=3))
    assert len(positions) == 3
    assert await seen(writes) == []


async def test_what_others_wrote_is_seen_once(store: EventStore, writes: OwnWrites) -> None:
    append_elsewhere(store, "ours-1")
    append_elsewhere(store, "theirs-1")
    assert await seen(writes) == ["ours-1"]
    assert await seen(writes) == []


async def test_what_others_wrote_between_our_own_is_seen(store: EventStore, writes: OwnWrites) -> None:
    await writes.append(events("ours-1"))
    append_elsewhere(store, "ours-2")
    await writes.append(events("ours-3"))
    assert "ours-2" in await seen(writes)
    await writes.append(events("ours-1", expected_version=1))
    assert await seen(writes) == []


async def test_more_than_a_page_is_seen_whole(store: EventStore, writes: OwnWrites) -> None:
    append_elsewhere(store, "ours-1", count=1_500)
    append_elsewhere(store, "ours-2")
    assert len(await seen(writes)) == 1_501
    assert await seen(writes) == []


async def test_each_filter_sees_what_others_wrote(store: EventStore, writes: OwnWrites) -> None:
    theirs = Filter(stream_prefixes=("theirs-",))
    append_elsewhere(store, "theirs-1")
    append_elsewhere(store, "ours-1")
    assert [row.stream async for page in writes.by_others(theirs) for row in page] == ["theirs-1"]
    assert await seen(writes) == ["ours-1"]


async def test_what_could_not_be_handled_comes_again(store: EventStore, writes: OwnWrites) -> None:
    append_elsewhere(store, "ours-1")
    async for _ in writes.by_others(OURS):
        break
    assert await seen(writes) == ["ours-1"]
