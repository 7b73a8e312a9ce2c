"""Long responses: all events up to now as lines, and events as they come as server-sent events.

A thousand clients may follow at once, and any of them may stop reading. So pages are read and encoded once for all who
are at the same place, a stream has nothing read for it while its client does not take what was sent, and a client that
takes nothing for a minute is disconnected. It goes on with Last-Event-ID, so it loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from litestar.response import Stream
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import Message, Receive, Scope, Send

from depot_sim.adapters.control_api.event_pages import EventPages, Selection
from depot_sim.adapters.control_api.event_records import json_lines, server_sent
from depot_sim.adapters.control_api.leaving import client_left
from depot_sim.adapters.control_api.problems import TooBusy
from depot_sim.adapters.control_api.turns import Turns
from depot_sim.application.event_log import EventLog
from depot_sim.application.subscription import Tail

CONNECTION = "depot_sim.connection"
"""The ASGI extension with the client's connection, which has `abort()`."""

_PAUSES = 64
_ENDED_MANY = 100
"""So many streams had buffers worth giving back."""
_TIDY_AFTER_SECONDS = 1.0
_log = logging.getLogger("depot_sim.control_api")


class StreamLimits(NamedTuple):
    """`streams` at once; `unread_seconds` is how long a client may take nothing of what was sent to it."""

    streams: int = 2_000
    unread_seconds: float = 60.0
    keep_alive_seconds: float = 15.0


DEFAULT_LIMITS = StreamLimits()


class EventStreams:
    """All event streams of a service. Use it from one event loop."""

    def __init__(
        self, log: EventLog, tail: Tail, give_back: Callable[[], None], limits: StreamLimits = DEFAULT_LIMITS
    ) -> None:
        """`give_back` gives free memory back to the system; it is called in a thread when many streams have ended."""
        self._log = log
        self._give_back = give_back
        self._limits = limits
        self._pages = EventPages(log, tail)
        self._turns = Turns()
        self._begun = 0
        self._most_open = 0
        self._is_tidying = False
        self.open = 0
        """How many there are now."""

    def close(self) -> None:
        """Give back what is shared by the streams; they end with the tail."""
        self._pages.close()

    def following(self, selection: Selection, media_type: str) -> Stream:
        """The response of server-sent events."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return _LimitedStream(self, self.server_sent_events(selection), media_type, headers)

    def download(self, selection: Selection, most: int | None, media_type: str) -> Stream:
        """The response of lines, at most `most` events."""
        return _LimitedStream(self, self.lines(selection, most), media_type, {})

    async def server_sent_events(self, selection: Selection) -> AsyncGenerator[bytes, None]:
        """All events there are and will be, each once and in order, until the tail is closed or the client leaves."""
        keep_alive_seconds = self._keep_alive_seconds()
        yield b": depot-sim\n\n"
        after, following = selection.after, True
        while following:
            page = await self._pages.following(selection, after, server_sent)
            for piece in page.pieces:
                await self._turns.take()
                yield piece
            if page.ended:
                return
            after = page.upto
            while not page.more:
                try:
                    async with asyncio.timeout(keep_alive_seconds):
                        following = await self._pages.tail.beyond(after)
                    break
                except TimeoutError:
                    await self._turns.take()
                    yield b": still here\n\n"

    async def lines(self, selection: Selection, most: int | None) -> AsyncGenerator[bytes, None]:
        """All events there are now, a page in memory at a time; at most `most`."""
        head = await asyncio.to_thread(self._log.head)
        after, left = selection.after, head if most is None else most
        while after < head and left:
            page = await self._pages.read(selection, after, json_lines, left, head)
            for piece in page.pieces:
                await self._turns.take()
                yield piece
            if page.ended:
                return
            after, left = page.upto, left - page.events

    @contextmanager
    def place(self) -> Iterator[float]:
        """Hold one of the places for streams; within, how many seconds a client may take nothing. Raises TooBusy."""
        if self.open >= self._limits.streams:
            raise TooBusy(
                f"{self.open} event streams are open, which is the limit event-streams",
                "close one of them, or start the service with a higher limit; then repeat",
            )
        self.open += 1
        self._most_open = max(self._most_open, self.open)
        try:
            yield self._limits.unread_seconds
        finally:
            self.open -= 1
            if self._most_open - self.open >= _ENDED_MANY and not self._is_tidying:
                self._is_tidying = True
                asyncio.get_running_loop().call_later(_TIDY_AFTER_SECONDS, self._tidy)

    def _tidy(self) -> None:
        self._is_tidying = False
        self._most_open = self.open
        self._pages.forget()
        asyncio.get_running_loop().run_in_executor(None, self._give_back)

    def _keep_alive_seconds(self) -> float:
        """A little less than the limit, by another share for each stream: so those begun together do not stay so."""
        self._begun += 1
        return self._limits.keep_alive_seconds * (1 - 0.25 * (self._begun % _PAUSES) / _PAUSES)


class _LimitedStream(Stream):
    """A response whose client is disconnected when it takes nothing of it for too long."""

    def __init__(
        self, streams: EventStreams, events: AsyncGenerator[bytes, None], media_type: str, headers: dict[str, str]
    ) -> None:
        super().__init__(events, media_type=media_type, headers=headers)
        self._made = _LimitedResponse(streams, events, media_type, headers)

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIStreamingResponse:
        return self._made


class _LimitedResponse(ASGIStreamingResponse):
    def __init__(
        self, streams: EventStreams, events: AsyncGenerator[bytes, None], media_type: str, headers: dict[str, str]
    ) -> None:
        super().__init__(iterator=events, media_type=media_type, headers=headers)
        self._streams = streams
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the events end, the client leaves, or takes nothing for too long. Raises TooBusy, StoreError."""
        with self._streams.place() as unread_seconds:
            leaving = asyncio.ensure_future(client_left(receive))
            sending = asyncio.ensure_future(self._send_all(send, unread_seconds))
            try:
                await asyncio.wait((leaving, sending), return_when=asyncio.FIRST_COMPLETED)
                if sending.done():
                    sending.result()
            except _ClientReadsNothing:
                _log.info(
                    "an event stream was ended: its client took nothing of it for %g s",
                    unread_seconds,
                    extra={"path": scope["path"]},
                )
                await _abort(scope, leaving)
            finally:
                leaving.cancel()
                sending.cancel()
                await asyncio.gather(leaving, sending, return_exceptions=True)
                await self._events.aclose()

    async def _send_all(self, send: Send, unread_seconds: float) -> None:
        async def send_in_time(message: Message) -> None:
            try:
                async with asyncio.timeout(unread_seconds):
                    await send(message)
            except TimeoutError:
                raise _ClientReadsNothing from None

        await self.start_response(send_in_time)
        async for piece in self._events:
            await send_in_time({"type": "http.response.body", "body": piece, "more_body": True})
        await send_in_time({"type": "http.response.body", "body": b"", "more_body": False})


class _ClientReadsNothing(Exception):
    """The client has taken nothing of what was sent to it for too long."""


async def _abort(scope: Scope, leaving: asyncio.Future[None]) -> None:
    """End the connection at once: what is still to be written will never be taken."""
    extensions: Mapping[str, Any] = scope.get("extensions") or {}
    if CONNECTION in extensions:
        extensions[CONNECTION].abort()
        await leaving
