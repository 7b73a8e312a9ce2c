"""Many event streams at once, of clients that read slowly or not at all: what they cost others, and how they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from depot_sim.adapters.control_api.event_pages import EventPages, Selection
from depot_sim.adapters.control_api.event_records import server_sent
from depot_sim.adapters.control_api.event_streams import CONNECTION, EventStreams, StreamLimits
from depot_sim.adapters.control_api.problems import TooBusy
from depot_sim.adapters.control_api.turns import Turns
from depot_sim.adapters.event_store import EventStore, open_event_store
from depot_sim.application.event_log import EVERYTHING, Append, EventLog, Filter, Row, StreamWrite
from depot_sim.application.subscription import Tail
from depot_sim.domain.kernel.errors import StoreError
from depot_sim.domain.kernel.events import EncodedEvent

pytestmark = pytest.mark.anyio

ALL = Selection(0, EVERYTHING)
EVENT_STREAM = "text/event-stream"
PADDING = b" " * 4_000


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
async def pages(store: EventStore, tail: Tail) -> AsyncIterator[EventPages]:
    pages = EventPages(store.log, tail)
    yield pages
    pages.close()


def append(store: EventStore, count: int) -> None:
    events = [EncodedEvent("run.paused.1", b'{"at":%d%b}' % (number, PADDING)) for number in range(count)]
    store.log.append(Append([StreamWrite("run-r", store.log.stream_version("run-r"), events)]))


def ids(sent: bytes) -> list[int]:
    return [int(line[4:]) for line in sent.decode().splitlines() if line.startswith("id: ")]


class Client:
    """The ASGI server's side of one event stream. It takes so many pieces of the body, and then no more."""

    def __init__(self, takes: int = 1_000_000) -> None:
        self._takes = takes
        self._left = asyncio.Event()
        self._changed = asyncio.Event()
        self.sent: list[dict[str, Any]] = []
        self.is_blocked = asyncio.Event()
        self.is_aborted = False

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    def abort(self) -> None:
        self.is_aborted = True
        self._left.set()

    async def receive(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if len(self.sent) > self._takes:
            self.is_blocked.set()
            await asyncio.Event().wait()
        self.sent.append(message)
        self._changed.set()
        await asyncio.sleep(0)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until it holds after something was sent."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    async def begun(self) -> None:
        await self.until(lambda: bool(self.sent))

    async def follow(self, streams: EventStreams, selection: Selection = ALL) -> None:
        scope: Any = {"type": "http", "path": "/events", "extensions": {CONNECTION: self}}
        response: Any = streams.following(selection, EVENT_STREAM)
        await response.to_asgi_response()(scope, self.receive, self.send)


class CountingLog:
    """Counts the reads of pages."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.reads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def read_all(self, after: int = 0, limit: int = 1000, where: Filter = EVERYTHING, **options: Any) -> list[Row]:
        self.reads += 1
        return self._log.read_all(after, limit, where, **options)


async def test_a_page_is_read_once_for_all_streams_that_are_at_its_place(store: EventStore, tail: Tail) -> None:
    append(store, 450)
    log = CountingLog(store.log)
    pages = EventPages(log, tail)
    first = await asyncio.gather(*(pages.following(ALL, 1, server_sent) for _ in range(50)))
    again = await pages.following(ALL, 1, server_sent)

    assert log.reads == 1
    assert all(page is again for page in first)
    assert ids(b"".join(again.pieces)) == list(range(2, 102))
    pages.close()


async def test_the_newest_events_are_encoded_once_for_all_streams(
    store: EventStore, tail: Tail, pages: EventPages
) -> None:
    growing = asyncio.ensure_future(tail.beyond(0))
    append(store, 3)
    assert await growing

    first, second = [await pages.following(ALL, 0, server_sent) for _ in range(2)]

    assert first is second
    assert ids(b"".join(first.pieces)) == [1, 2, 3]


async def test_streams_of_different_selections_share_nothing(store: EventStore, tail: Tail, pages: EventPages) -> None:
    append(store, 300)
    other = Selection(0, Filter(topics=("run.resumed.1",)))

    assert (await pages.following(ALL, 1, server_sent)).events == 100
    assert (await pages.following(other, 1, server_sent)).events == 0


async def test_kept_pages_are_bounded(store: EventStore, pages: EventPages) -> None:
    append(store, 3_000)
    log_bytes = 3_000 * len(PADDING)
    after, first = 1, await pages.following(ALL, 1, server_sent)
    while (page := await pages.following(ALL, after, server_sent)).more:
        after = page.upto

    assert log_bytes > 2 * 4 * 2**20
    assert await pages.following(ALL, 1, server_sent) is not first


async def test_a_failed_read_reaches_every_stream_and_is_not_kept(store: EventStore, tail: Tail) -> None:
    append(store, 300)

    class Failing(CountingLog):
        def read_all(self, after: int = 0, limit: int = 1000, where: Filter = EVERYTHING, **options: Any) -> list[Row]:
            rows = super().read_all(after, limit, where, **options)
            if self.reads == 1:
                raise StoreError("the disk is gone")
            return rows

    pages = EventPages(Failing(store.log), tail)
    failed = await asyncio.gather(*(pages.following(ALL, 1, server_sent) for _ in range(3)), return_exceptions=True)

    assert [type(each) for each in failed] == [StoreError] * 3
    assert (await pages.following(ALL, 1, server_sent)).events == 100
    pages.close()


async def test_nothing_is_read_ahead_for_a_client_that_takes_nothing(store: EventStore, tail: Tail) -> None:
    append(store, 2_000)
    log = CountingLog(store.log)
    streams = EventStreams(log, tail, lambda: None)
    client = Client(takes=1)
    following = asyncio.ensure_future(client.follow(streams))
    await client.is_blocked.wait()
    for _ in range(20):
        await asyncio.sleep(0)

    assert log.reads == 1
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert streams.open == 0
    streams.close()


async def test_a_client_that_takes_nothing_is_disconnected_and_loses_nothing_when_it_goes_on(
    store: EventStore, tail: Tail, caplog: pytest.LogCaptureFixture
) -> None:
    append(store, 500)
    caplog.set_level("INFO")
    streams = EventStreams(store.log, tail, lambda: None, StreamLimits(unread_seconds=0.05))
    slow = Client(takes=3)
    await slow.follow(streams)

    assert slow.is_aborted
    assert "took nothing of it for 0.05 s" in caplog.text
    received = ids(slow.body)
    assert 0 < len(received) < 500

    again = Client()
    going_on = asyncio.ensure_future(again.follow(streams, Selection(received[-1], EVERYTHING)))
    await again.until(lambda: len(received) + len(ids(again.body)) >= 500)
    again.abort()
    await going_on
    assert received + ids(again.body) == list(range(1, 501))
    assert streams.open == 0
    streams.close()


async def test_a_client_that_takes_a_little_now_and_then_is_left_alone(store: EventStore, tail: Tail) -> None:
    """Each piece it takes begins the time anew."""
    append(store, 100)
    streams = EventStreams(store.log, tail, lambda: None, StreamLimits(unread_seconds=5))
    client = Client()
    following = asyncio.ensure_future(client.follow(streams))
    await client.until(lambda: len(ids(client.body)) >= 100)
    assert not client.is_aborted
    client.abort()
    await following
    streams.close()


async def test_a_stream_beyond_the_limit_is_refused_before_anything_is_sent(store: EventStore, tail: Tail) -> None:
    streams = EventStreams(store.log, tail, lambda: None, StreamLimits(streams=2))
    clients = [Client(), Client()]
    following = [asyncio.ensure_future(client.follow(streams)) for client in clients]
    for client in clients:
        await client.begun()

    refused = Client()
    with pytest.raises(TooBusy) as error:
        await refused.follow(streams)
    assert "event-streams" in error.value.detail
    assert refused.sent == []

    clients[0].abort()
    await following[0]
    third = Client()
    following.append(asyncio.ensure_future(third.follow(streams)))
    await third.begun()
    for client in (clients[1], third):
        client.abort()
    await asyncio.gather(*following)
    assert streams.open == 0
    streams.close()


async def test_others_get_their_turn_while_many_streams_have_something_to_send() -> None:
    turns, order = Turns(2), []

    async def stream(number: int) -> None:
        await turns.take()
        order.append(number)

    streaming = [asyncio.ensure_future(stream(number)) for number in range(100)]
    iterations = 0
    while len(order) < 100:
        served = len(order)
        await asyncio.sleep(0)
        iterations += 1
        assert len(order) - served <= 2
    assert order == list(range(100))
    assert iterations >= 50
    await asyncio.gather(*streaming)


async def test_a_cancelled_turn_keeps_none_waiting() -> None:
    turns = Turns(1)
    waiting = [asyncio.ensure_future(turns.take()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.gather(*waiting[1:])
    await turns.take()
    assert waiting[0].cancelled()


async def test_memory_is_given_back_when_many_streams_have_ended(
    store: EventStore, tail: Tail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("depot_sim.adapters.control_api.event_streams._TIDY_AFTER_SECONDS", 0.0)
    given_back = asyncio.Event()
    loop = asyncio.get_running_loop()

    def give_back() -> None:
        loop.call_soon_threadsafe(given_back.set)

    streams = EventStreams(store.log, tail, give_back)
    clients = [Client() for _ in range(100)]
    following = [asyncio.ensure_future(client.follow(streams)) for client in clients]
    for client in clients:
        await client.begun()
    assert streams.open == 100
    for client in clients:
        client.abort()
    await asyncio.gather(*following)

    await given_back.wait()
    assert streams.open == 0
    streams.close()
