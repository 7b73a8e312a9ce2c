"""The guard's part inside the server: the time of bodies, and the end of requests when the server stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from connection_guard.connection import CURRENT, GuardedConnection
from connection_guard.limits import Limits
from connection_guard.responses import MEDIA_TYPE, problem

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

EXTENSION = "depot_sim.connection"
"""The ASGI extension that is the client's connection."""

_BODY_SECONDS_WHEN_STOPPING = 1.0
_REFUSED_AT_ONCE = 4
"""Thousands of bodies may be late at the same moment: others get their responses between the refusals."""
_MOST_LOGGED = 100
"""Characters of a path."""
_DISCONNECT = {"type": "http.disconnect"}
_CLOSE = (b"connection", b"close")

_log = logging.getLogger("depot_sim.http")


class GuardedApplication:
    """An application served on guarded connections.

    It adds the connection to the scope as an extension, tells it when a response has ended, turns a target in absolute
    form into a path and its host (RFC 9112 3.2.2), and ends a request whose body does not come: 408, or 503 after
    `stop`. Most requests have arrived as a whole when they begin: for them it does as little as it can.
    """

    def __init__(self, app: Application, limits: Limits) -> None:
        self._app = app
        self._body_seconds = limits.body_seconds
        self._is_stopping = False
        self._reading: set[asyncio.Timeout] = set()
        self._refusing = asyncio.Semaphore(_REFUSED_AT_ONCE)
        self._running: set[asyncio.Task[Any] | None] = set()

    def stop(self) -> None:
        """Wait no longer than a second for the rest of every body."""
        self._is_stopping = True
        ends = asyncio.get_running_loop().time() + _BODY_SECONDS_WHEN_STOPPING
        for timeout in self._reading:
            timeout.reschedule(ends)

    def cut_off(self) -> None:
        """After `stop`: end every request that is still being processed, without a response."""
        for task in self._running:
            assert task is not None, "a server runs an application in a task"
            task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = CURRENT.get()
        assert connection is not None, "the server's protocol is held by a GuardedConnection"
        scope.setdefault("extensions", {})[EXTENSION] = connection
        if scope["path"][:1] != "/":
            _use_origin_form(scope)
        task = asyncio.current_task()
        self._running.add(task)
        try:
            number = connection.incomplete_request()
            if number:
                late = _LateBody(connection, number, scope, receive, send)
                await self._app(scope, lambda: self._receive_in_time(late), late.send)
            else:
                await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if not self._is_stopping:
                raise
            _log.info("a request was ended by the stop of the service", extra={"path": scope["path"][:_MOST_LOGGED]})
            await _abort(connection, receive)
        finally:
            self._running.discard(task)
        connection.response_ended()

    async def _receive_in_time(self, late: _LateBody) -> Message:
        if late.is_refused:
            return _DISCONNECT
        late.waits_to_be_asked = False
        if late.has_arrived:
            return await late.receive()
        timeout = asyncio.timeout(_BODY_SECONDS_WHEN_STOPPING if self._is_stopping else self._body_seconds)
        try:
            async with timeout:
                self._reading.add(timeout)
                return await late.receive()
        except TimeoutError:
            async with self._refusing:
                await self._refuse(late)
            return _DISCONNECT
        finally:
            self._reading.discard(timeout)

    async def _refuse(self, late: _LateBody) -> None:
        if self._is_stopping:
            await late.refuse(503, "The service is stopping, and the body of the request has not arrived.")
        else:
            await late.refuse(408, f"No part of the body has arrived for {self._body_seconds:g} s.")


class _LateBody:
    """A request whose body has not arrived as a whole when the application begins with it."""

    __slots__ = ("_number", "_send", "_started", "connection", "is_refused", "receive", "waits_to_be_asked")

    def __init__(self, connection: GuardedConnection, number: int, scope: Scope, receive: Receive, send: Send) -> None:
        self.connection = connection
        self.receive = receive
        self.waits_to_be_asked = any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in scope["headers"]
        )
        """The client sends the body only when it is told to go on (RFC 9110 10.1.1)."""
        self.is_refused = False
        """What the application still sends is discarded."""
        self._number = number
        self._send = send
        self._started = False

    @property
    def has_arrived(self) -> bool:
        return self.connection.is_complete(self._number)

    async def send(self, message: Message) -> None:
        """The application's."""
        if self.is_refused:
            return
        if message["type"] == "http.response.start":
            self._started = True
            if self.waits_to_be_asked:  # nobody knows whether the body will come, nor where the next request begins
                message = {**message, "headers": [*message.get("headers", ()), _CLOSE]}
        await self._send(message)

    async def refuse(self, status: int, detail: str) -> None:
        """Respond by a problem and close the connection; abort it when the response has begun."""
        self.is_refused = True
        if self._started:
            await _abort(self.connection, self.receive)
            return
        body = problem(status, detail)
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", b"%d" % len(body)), _CLOSE]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


async def _abort(connection: GuardedConnection, receive: Receive) -> None:
    """End the connection without a response, and return when the server knows it: else it would respond 500."""
    connection.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


def _use_origin_form(scope: Scope) -> None:
    raw: bytes = scope["raw_path"]
    scheme, found, rest = raw.partition(b"://")
    if not found or scheme.lower() not in (b"http", b"https"):  # such as "*" of OPTIONS, or CONNECT's host and port
        return
    authority, _, path = rest.partition(b"/")
    scope["raw_path"] = b"/" + path
    scope["path"] = unquote(scope["raw_path"].decode("ascii"))
    scope["headers"] = [(name, authority if name == b"host" else value) for name, value in scope["headers"]]
