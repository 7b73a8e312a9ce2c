"""The guard's part inside the server: the time of bodies, and the end of requests when the server stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

from depot_sim.connection_guard.bodies import BodyMemory
from depot_sim.connection_guard.connection import CURRENT, GuardedConnection
from depot_sim.connection_guard.limited_body import LimitedBody
from depot_sim.connection_guard.limits import Limits
from depot_sim.connection_guard.responses import MEDIA_TYPE, problem
from depot_sim.connection_guard.turns import Deadlines, Turns

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]
MemoryOf = Callable[[str], BodyMemory]
"""The memory for the body of a request to a path."""

EXTENSION = "depot_sim.connection"
"""The ASGI extension that is the client's connection."""

_BODY_SECONDS_WHEN_STOPPING = 1.0
_AT_ONCE = 2
"""Of thousands of requests whose bodies do not come, so many begin, and are refused, in one iteration of the loop."""
_MOST_LOGGED = 100
"""Characters of a path."""
_RETRY_AFTER_SECONDS = 5
_DISCARDING_SECONDS = 2.0
_DISCONNECT = {"type": "http.disconnect"}
_CLOSE = (b"connection", b"close")

_log = logging.getLogger("depot_sim.http")


class GuardedApplication:
    """An application served on guarded connections.

    It adds the connection to the scope as an extension, tells it when a response has ended, turns a target in absolute
    form into a path and its host (RFC 9112 3.2.2), and ends a request whose body does not come: 408, or 503 after
    `stop`. A body for which no memory is left gets 503. Most requests have arrived as a whole when they begin: for them
    it does as little as it can.
    """

    def __init__(self, app: Application, limits: Limits, memory_of: MemoryOf | None = None) -> None:
        """Without `memory_of` all bodies share the limit `body_bytes_under_way`."""
        memory = BodyMemory(limits.body_bytes_under_way)
        self._app = app
        self._memory_of = memory_of or (lambda _: memory)
        self._limits = limits
        self._is_stopping = False
        self._deadlines = Deadlines(_AT_ONCE)
        self._beginning = Turns(_AT_ONCE)
        self._running: set[asyncio.Task[Any] | None] = set()

    def stop(self) -> None:
        """Wait no longer than a second for the rest of every body."""
        self._is_stopping = True
        self._deadlines.end_all_in(_BODY_SECONDS_WHEN_STOPPING)

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
                await self._beginning.wait()
                body = LimitedBody(self._limits, self._memory_of(scope["path"]))
                late = _LateBody(connection, number, scope, receive, send, body)
                try:
                    await self._app(scope, lambda: self._receive_within_limits(late), late.send)
                finally:
                    body.give_memory_back()
                await late.end()
            else:
                await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if not self._is_stopping:
                raise
            _log.info("a request was ended by the stop of the service", extra={"path": scope["path"][:_MOST_LOGGED]})
            await _abort(connection, receive)
        finally:
            self._running.discard(task)
            # A server keeps the scope of a connection's last request, even of a closed connection until a garbage
            # collection; a framework keeps the body in the state of the request.
            scope.pop("state", None)
        connection.response_ended()

    async def _receive_within_limits(self, late: _LateBody) -> Message:
        if late.is_refused:
            return _DISCONNECT
        late.waits_to_be_asked = False
        clock = asyncio.get_running_loop().time
        began = clock()
        message = await (late.receive() if late.has_arrived else self._receive_in_time(late))
        if message is _DISCONNECT:
            return message
        reason = late.body.part_came(len(message.get("body", b"")), clock() - began)
        if not reason:
            return message
        await late.refuse_for_memory(reason)
        return _DISCONNECT

    async def _receive_in_time(self, late: _LateBody) -> Message:
        """The next part of the body; a disconnect when it took too long."""
        timeout = asyncio.timeout(None)
        try:
            async with timeout:
                seconds = _BODY_SECONDS_WHEN_STOPPING if self._is_stopping else late.body.seconds_left
                self._deadlines.add(timeout, seconds)
                return await late.receive()
        except TimeoutError:
            if self._is_stopping:
                await late.refuse(503, "The service is stopping, and the body of the request has not arrived.")
            else:
                await late.refuse(408, late.body.lateness, ends=not late.body.is_slow)
            return _DISCONNECT
        finally:
            self._deadlines.discard(timeout)


class _LateBody:
    """A request whose body has not arrived as a whole when the application begins with it."""

    __slots__ = (
        *("_discards", "_is_unended", "_number", "_send", "_started"),
        *("body", "connection", "is_refused", "receive", "waits_to_be_asked"),
    )

    def __init__(
        self,
        connection: GuardedConnection,
        number: int,
        scope: Scope,
        receive: Receive,
        send: Send,
        body: LimitedBody,
    ) -> None:
        self.body = body
        self.connection = connection
        self.receive = receive
        self.waits_to_be_asked = any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in scope["headers"]
        )
        """The client sends the body only when it is told to go on (RFC 9110 10.1.1)."""
        self.is_refused = False
        """What the application still sends is discarded."""
        self._discards = False
        """A long rest of the body is discarded before the response ends, and the connection closed after it."""
        self._is_unended = False
        """`end` has to end the response."""
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
            self._discards = not self.waits_to_be_asked and self.connection.has_long_rest(self._number)
            if self.waits_to_be_asked or self._discards:  # it is not known where the next request begins
                message = {**message, "headers": [*message.get("headers", ()), _CLOSE]}
        elif self._discards and not message.get("more_body"):
            self.body.give_memory_back()
            await self._send({**message, "more_body": True})
            await self._discard_rest()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def refuse_for_memory(self, reason: str) -> None:
        await self.refuse(503, reason, (b"retry-after", b"%d" % _RETRY_AFTER_SECONDS), ends=False)

    async def end(self) -> None:
        """Read on for up to 2 s after a refusal of a client that still sends; nothing of the body is kept any more.

        A connection that is closed while its client sends is reset, and the client never sees the response.
        """
        if not self._is_unended:
            return
        await self._discard_rest()
        await self._send({"type": "http.response.body", "body": b""})

    async def _discard_rest(self) -> None:
        """Before the end of a response that closes the connection: else it is reset, and the response may be lost."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_DISCARDING_SECONDS):
                while (await self.receive()).get("more_body"):
                    pass

    async def refuse(self, status: int, detail: str, *more: tuple[bytes, bytes], ends: bool = True) -> None:
        """Respond by a problem and close the connection; abort it when the response has begun.

        Without `ends` the client is still sending: `end` sends the end of the response, which closes the connection.
        """
        self.is_refused = True
        self._is_unended = not ends and not self._started
        if self._started:
            await _abort(self.connection, self.receive)
            return
        body = problem(status, detail, self.connection.problem_prefix)
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", b"%d" % len(body)), _CLOSE]
        headers += more
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": not ends})


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
