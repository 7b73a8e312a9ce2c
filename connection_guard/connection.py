"""One TCP connection, between its transport and the HTTP protocol that serves it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar, cast

T = TypeVar("T")


class GuardedConnection(asyncio.Protocol):
    """Forwards the callbacks of `asyncio.Protocol` to the protocol that `make_protocol` returns."""

    def __init__(self, make_protocol: Callable[[], asyncio.Protocol]) -> None:
        self._protocol = make_protocol()
        self._transport: asyncio.Transport | None = None

    def abort(self) -> None:
        """End the connection at once, without a response to the request that is being processed."""
        if self._transport is not None:
            self._transport.abort()

    # Callbacks of the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has the methods, but not the base class
        self._in_context(self._protocol.connection_made, transport)

    def data_received(self, data: bytes) -> None:
        self._in_context(self._protocol.data_received, data)

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def _in_context(self, callback: Callable[[T], None], argument: T) -> None:
        """Call it so that the tasks it creates, which run the application, know their connection."""
        token = CURRENT.set(self)
        try:
            callback(argument)
        finally:
            CURRENT.reset(token)


CURRENT: ContextVar[GuardedConnection | None] = ContextVar("connection", default=None)
"""The connection whose request a task is processing."""
