"""Server-sent events and lines, without HTTP around them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import pytest

from depot_sim.adapters.control_api.event_pages import Selection
from depot_sim.adapters.control_api.event_streams import EventStreams, StreamLimits
from depot_sim.adapters.event_store import EventStore, open_event_store
from depot_sim.application.event_log import EVERYTHING, Append, Filter, Row, StreamWrite
from depot_sim.application.subscription import Tail
from depot_sim.domain.kernel.events import EncodedEvent

pytestmark = pytest.mark.anyio

ALL = Selection(0, EVERYTHING)


@pytest.fixture
def store() -> Iterator[EventStore]:
    with open_event_store("memory:") as opened:
        yield opened


@pytest.fixture
async def tail(store: EventStore) -> AsyncIterator[Tail]:
    tail = Tail(store.log)
    yield tail
    await asyncio.to_thread(tail.close)


@pytest.fixture
async def streams(store: EventStore, tail: Tail) -> AsyncIterator[EventStreams]:
    streams = EventStreams(store.log, tail, lambda: None)
    yield streams
    streams.close()


def append(store: EventStore, count: int, stream: str = "run-r") -> None:
    events = [EncodedEvent("run.paused.1", b'{"at":%d}' % number) for number in range(count)]
    store.log.append(Append([StreamWrite(stream, store.log.stream_version(stream), events)]))


def ids(chunk: bytes) -> list[int]:
    return [int(line[4:]) for line in chunk.decode().splitlines() if line.startswith("id: ")]


async def test_what_there_is_comes_first_in_large_pieces_then_what_comes(
    store: EventStore, streams: EventStreams
) -> None:
    append(store, 650)
    stream = streams.server_sent_events(ALL)
    assert (await anext(stream)).startswith(b":")
    received: list[int] = []
    pieces = 0
    while len(received) < 650:
        received += ids(await anext(stream))
        pieces += 1
    assert received == list(range(1, 651))
    assert pieces <= 20

    for position in (651, 652):
        coming = asyncio.ensure_future(anext(stream))
        append(store, 1)
        assert ids(await coming) == [position]
    await stream.aclose()


async def test_an_event_says_its_position_its_topic_and_itself(store: EventStore, streams: EventStreams) -> None:
    append(store, 1)
    stream = streams.server_sent_events(ALL)
    await anext(stream)
    id, event, data, *end = (await anext(stream)).decode().split("\n")
    assert (id, event, end) == ("id: 1", "event: run.paused.1", ["", ""])
    assert json.loads(data.removeprefix("data: "))["data"] == {"at": 0}
    await stream.aclose()


async def test_a_quiet_stream_says_that_it_is_still_there(store: EventStore, tail: Tail) -> None:
    streams = EventStreams(store.log, tail, lambda: None, StreamLimits(keep_alive_seconds=0.01))
    stream = streams.server_sent_events(ALL)
    await anext(stream)
    for _ in range(3):
        assert await anext(stream) == b": still here\n\n"
    await stream.aclose()
    streams.close()


async def test_a_stream_ends_with_the_tail(tail: Tail, streams: EventStreams) -> None:
    stream = streams.server_sent_events(ALL)
    await anext(stream)
    coming = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    await asyncio.to_thread(tail.close)
    with pytest.raises(StopAsyncIteration):
        await coming


async def test_a_client_that_goes_leaves_no_task_behind(store: EventStore, streams: EventStreams) -> None:
    before = len(asyncio.all_tasks())
    opened = [streams.server_sent_events(ALL) for _ in range(50)]
    waiting = []
    for stream in opened:
        await anext(stream)
        waiting.append(asyncio.ensure_future(anext(stream)))
    await asyncio.sleep(0)
    for coming in waiting:
        coming.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert len(asyncio.all_tasks()) == before


async def test_a_thousand_idle_clients_are_all_told(store: EventStore, streams: EventStreams) -> None:
    opened = [streams.server_sent_events(ALL) for _ in range(1_000)]
    for stream in opened:
        await anext(stream)
    waiting = [asyncio.ensure_future(anext(stream)) for stream in opened]
    await asyncio.sleep(0)
    append(store, 1)
    assert [ids(chunk) for chunk in await asyncio.gather(*waiting)] == [[1]] * 1_000
    for stream in opened:
        await stream.aclose()


async def test_a_selection_ends_where_it_says(store: EventStore, streams: EventStreams) -> None:
    append(store, 300)

    def beyond(row: Row) -> bool:
        return row.version > 120

    selection = Selection(100, Filter(streams=("run-r",)), beyond)
    sent = [chunk async for chunk in streams.server_sent_events(selection)]
    assert ids(b"".join(sent)) == list(range(101, 121))
    written = [chunk async for chunk in streams.lines(selection, None)]
    assert b"".join(written).count(b"\n") == 20


async def test_lines_are_read_piece_by_piece_up_to_the_head_as_it_was(store: EventStore, streams: EventStreams) -> None:
    append(store, 250)
    reading = streams.lines(ALL, None)
    first = await anext(reading)
    append(store, 50)
    rest = [chunk async for chunk in reading]
    assert 50 <= first.count(b"\n") <= 100
    assert sum(chunk.count(b"\n") for chunk in [first, *rest]) == 250


async def test_no_more_lines_than_asked_for(store: EventStore, streams: EventStreams) -> None:
    append(store, 250)
    assert sum([chunk.count(b"\n") async for chunk in streams.lines(ALL, 130)]) == 130
