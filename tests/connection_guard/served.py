"""An application behind the guard under the server that the service uses, over real sockets, with small limits."""

from __future__ import annotations

import asyncio
import json
import logging
import weakref
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from depot_sim.bootstrap.http import server_config
from depot_sim.connection_guard import (
    BodyMemory,
    ConnectionGuard,
    GuardedApplication,
    GuardedConnection,
    Limits,
    current_connection,
)
from tests.adapters.http.peers import Caller, Heard, asgi_server, calling

LARGE = 100_000
LIMITS = Limits(
    head_bytes=2_000,
    head_seconds=0.2,
    body_seconds=0.2,
    response_seconds=0.4,
    idle_seconds=0.4,
    connections=6,
    connections_per_address=5,
)
PATIENT = Limits(head_bytes=2_000)


class _Kept:
    """Stands for a body, which a framework keeps in the state of its request."""


class Site:
    """A served application: what it is asked for by the path, and what it saw."""

    def __init__(self, limits: Limits) -> None:
        self.guard = ConnectionGuard(limits)
        self.memory = BodyMemory(limits.body_bytes_under_way)
        self.app = GuardedApplication(self._respond, limits, lambda _: self.memory)
        self.port = 0
        self.scopes: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.asked: asyncio.Queue[str] = asyncio.Queue()
        self.disconnects: asyncio.Queue[str] = asyncio.Queue()
        self.kept: list[weakref.ref[_Kept]] = []

    async def memory_taken(self) -> None:
        await until(lambda: self.memory.used > LARGE / 2)

    async def memory_free(self) -> None:
        await until(lambda: self.memory.used == 0)

    async def _respond(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        scope["state"]["kept"] = kept = _Kept()
        self.kept.append(weakref.ref(kept))
        self.asked.put_nowait(scope["path"])
        match scope["path"]:
            case "/early":
                await _send(send, 413)
            case "/stream" | "/events":
                await self._stream(scope, receive, send)
            case "/unanswered":
                _connection().close_with_input()
                await self._until_disconnect(scope, receive)
            case "/large" | "/huge":
                await _send(send, 200, bytes(LARGE if scope["path"] == "/large" else 200 * LARGE))
            case _:
                body = await self._read(scope, receive)
                if body is not None:
                    self.bodies.append(body)
                    await _send(send, 200, b"ok")

    async def _read(self, scope: Any, receive: Any) -> bytes | None:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.disconnects.put_nowait(scope["path"])
                return None
            body += message["body"]
            if not message["more_body"]:
                return bytes(body)

    async def _stream(self, scope: Any, receive: Any, send: Any) -> None:
        """Half a response, then the rest when the body has come; of events until the client is gone."""
        kind = b"text/event-stream" if scope["path"] == "/events" else b"text/plain"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        if scope["path"] == "/events":
            _connection().close_with_input()
            await self._until_disconnect(scope, receive)
        elif await self._read(scope, receive) is not None:
            await send({"type": "http.response.body", "body": b"ended"})

    async def _until_disconnect(self, scope: Any, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.disconnects.put_nowait(scope["path"])


def _connection() -> GuardedConnection:
    connection = current_connection()
    assert connection is not None
    return connection


async def _send(send: Any, status: int, body: bytes = b"") -> None:
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def served(closing: AsyncExitStack, limits: Limits) -> Site:
    site = Site(limits)
    site.port = await closing.enter_async_context(asgi_server(server_config(site.app, site.guard)))
    closing.callback(site.guard.abort_all)
    return site


async def exchange(port: int, *pieces: bytes, ends: bool = False) -> bytes:
    """All that comes back for these bytes until the server closes."""
    async with calling(port) as caller:
        for piece in pieces:
            caller.writer.write(piece)
        if ends:
            caller.writer.write_eof()
        return await caller.reader.read()


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - the memory has no event
        await asyncio.sleep(0)


def problem(answer: bytes) -> Any:
    """The problem document of a whole response; that the connection was closed after it is known by its end."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    return json.loads(body)


def get(path: str = "/", *headers: str, version: str = "1.1", host: str = "Host: depot.example") -> bytes:
    return "\r\n".join((f"GET {path} HTTP/{version}", *([host] if host else []), *headers, "", "")).encode()


def post(path: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join((f"POST {path} HTTP/1.1", "Host: depot.example", *headers, "", "")).encode() + body


HALF_BODY = post("/", f"Content-Length: {2 * LARGE}", body=b"x" * LARGE)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


async def ask_elsewhere(site: Site) -> None:
    async with calling(site.port) as other:
        await ask(other)


async def ask(caller: Caller) -> Heard:
    caller.say("GET", "/")
    heard = await caller.hear()
    assert heard is not None
    return heard
