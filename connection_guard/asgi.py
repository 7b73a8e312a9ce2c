"""The guard's part inside the server: time of bodies, and what an application learns of its connection."""

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
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

EXTENSION = "depot_sim.connection"

_BODY_SECONDS_WHEN_STOPPING = 1.0
_DISCONNECT = {"type": "http.disconnect"}
_CLOSE = (b"connection", b"close")

_log = logging.getLogger("depot_sim.http")


def connection_of(scope: Scope) -> GuardedConnection:
    """The connection of a request that came through a GuardedApplication."""
    connection: GuardedConnection = scope["extensions"][EXTENSION]
    return connection


class GuardedApplication:
    """An application served on guarded connections.

    It adds the connection to the scope, tells the connection where a response ends, turns a target in absolute form
    into a path and its host (RFC 9112 3.2.2), and ends a request whose body does not come: 408, or 503 after `stop`.
    """

    def __init__(self, app: Application, limits: Limits) -> None:
        self._app = app
        self._body_seconds = limits.body_seconds
        self._is_stopping = False
        self._reading: set[asyncio.Timeout] = set()
        self._running: set[asyncio.Task[Any]] = set()

    def stop(self) -> None:
        """Wait no longer than a second for the rest of every body."""
        self._is_stopping = True
        ends = asyncio.get_running_loop().time() + _BODY_SECONDS_WHEN_STOPPING
        for timeout in self._reading:
            timeout.reschedule(ends)

    def cut_off(self) -> None:
        """After `stop`: end every request that is still being processed, without a response."""
        for task in self._running:
            task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = CURRENT.get()
        assert connection is not None, "the server's protocol is held by a GuardedConnection"
        scope.setdefault("extensions", {})[EXTENSION] = connection
        if not scope["path"].startswith("/"):
            _use_origin_form(scope)
        exchange = _Exchange(connection, send)
        timed = receive
        if not connection.is_complete(exchange.number):
            exchange.waits_to_send_body = (b"expect", b"100-continue") in scope["headers"]
            timed = self._in_time(exchange, receive)
        task = asyncio.current_task()
        assert task is not None, "a server runs an application in a task"
        self._running.add(task)
        try:
            await self._app(scope, timed, exchange.send)
        except asyncio.CancelledError:
            if not self._is_stopping:
                raise
            _log.info("a request was ended by the stop of the service", extra={"path": scope["path"]})
            await _abort(connection, receive)
        finally:
            self._running.discard(task)

    def _in_time(self, exchange: _Exchange, receive: Receive) -> Receive:
        """`receive`, which ends the request when no part of its body comes in time."""

        async def receive_in_time() -> Message:
            if exchange.is_ended:
                return _DISCONNECT
            exchange.waits_to_send_body = False
            if exchange.connection.is_complete(exchange.number):
                return await receive()
            seconds = _BODY_SECONDS_WHEN_STOPPING if self._is_stopping else self._body_seconds
            timeout = asyncio.timeout(seconds)
            try:
                async with timeout:
                    self._reading.add(timeout)
                    return await receive()
            except TimeoutError:
                await self._end_late(exchange, receive)
                return _DISCONNECT
            finally:
                self._reading.discard(timeout)

        return receive_in_time

    async def _end_late(self, exchange: _Exchange, receive: Receive) -> None:
        if exchange.is_started:
            exchange.is_ended = True
            await _abort(exchange.connection, receive)
        elif self._is_stopping:
            await exchange.respond(503, "The service is stopping, and the body of the request has not arrived.")
        else:
            await exchange.respond(408, f"No part of the body has arrived for {self._body_seconds:g} s.")


class _Exchange:
    """A request and how far its response is."""

    __slots__ = ("_send", "connection", "is_ended", "is_started", "number", "waits_to_send_body")

    def __init__(self, connection: GuardedConnection, send: Send) -> None:
        self.connection = connection
        self.number = connection.request_started()
        self.is_ended = False
        """What the application still sends is discarded."""
        self.is_started = False
        self.waits_to_send_body = False
        """The client sends the body only when it is asked to go on (RFC 9110 10.1.1)."""
        self._send = send

    async def send(self, message: Message) -> None:
        if self.is_ended:
            return
        if message["type"] == "http.response.start":
            self.is_started = True
            await self._send(self._start(message))
            return
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.is_ended = True
            self.connection.response_ended()

    def _start(self, message: Message) -> Message:
        """The beginning of a response, and what it says of the connection."""
        headers = message.get("headers", ())
        for name, value in headers:
            if name == b"content-type" and value.startswith(b"text/event-stream"):
                self.connection.close_with_input()
        if self.waits_to_send_body:  # nobody knows whether the body will come, nor where the next request begins
            return {**message, "headers": [*headers, _CLOSE]}
        return message

    async def respond(self, status: int, detail: str) -> None:
        """Respond by this problem and close the connection."""
        body = problem(status, detail)
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", b"%d" % len(body)), _CLOSE]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


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
