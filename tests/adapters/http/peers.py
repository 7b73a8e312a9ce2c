"""Both sides of a connection, real enough to lie: HTTP servers of any manners, and a client that sees every byte."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

import uvicorn
from aiohttp import web
from aiohttp.test_utils import TestServer

from depot_sim.application.http import Outgoing
from depot_sim.domain.kernel.credentials import Authorization, Credentials

CERTIFICATES = Path(__file__).parent / "certificates"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Manners = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def outgoing(url: str, **changes: Any) -> Outgoing:
    """A heartbeat to that URL."""
    usual = Outgoing(
        "POST",
        url,
        (("X-Request-ID", "r-1"), ("Content-Type", "application/json")),
        b"{}",
        Authorization.NONE,
        Credentials(),
        connect_timeout_ms=5_000,
        request_timeout_ms=5_000,
    )
    return usual._replace(**changes)


@asynccontextmanager
async def http_peer(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A well-behaved HTTP server; its base URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    server = TestServer(app, scheme="https" if tls else "http")
    await server.start_server(ssl=tls)
    try:
        yield f"{server.scheme}://127.0.0.1:{server.port}"
    finally:
        await server.close()


@asynccontextmanager
async def raw_peer(manners: Manners) -> AsyncIterator[str]:
    """A server that does to a connection what it likes; its base URL."""

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await manners(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def deaf_address() -> AsyncIterator[str]:
    """An address where nobody ever accepts: its backlog is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(8)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(listener.getsockname())
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for each in waiting:
                each.close()


class _Server(uvicorn.Server):
    """Tells when it answers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answers = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answers.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def asgi_server(config: uvicorn.Config) -> AsyncIterator[int]:
    """An application served by uvicorn; its port."""
    server = _Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        running = asyncio.create_task(server.serve([listener]))
        await server.answers.wait()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await running


class Heard(NamedTuple):
    """An answer, byte for byte; nothing when the connection ended without one."""

    status: int
    headers: dict[str, str]
    body: bytes


class Caller:
    """A client on one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, port: int) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    def say(self, method: str, path: str, *headers: str, body: bytes = b"") -> None:
        """Send a request; its length is told unless a header of the test tells something else."""
        framed = any(header.lower().startswith(("content-length", "transfer-encoding")) for header in headers)
        lines = (f"{method} {path} HTTP/1.1", "Host: depot.example", *headers)
        length = () if framed else (f"Content-Length: {len(body)}",)
        self.writer.write("\r\n".join((*lines, *length, "", "")).encode("latin-1") + body)

    async def hear(self) -> Heard | None:
        """The next answer; None when the connection ends first."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        first, *rest = head.decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in rest)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Heard(int(first.split()[1]), headers, body)

    async def hang_up(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@asynccontextmanager
async def calling(port: int) -> AsyncIterator[Caller]:
    caller = await Caller.to(port)
    try:
        yield caller
    finally:
        await caller.hang_up()


def server_tls(*, asks_for_certificate: bool = False) -> ssl.SSLContext:
    """Of a server that the test authority vouches for."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(CERTIFICATES / "authority.pem"))
    context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
    if asks_for_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
    return context
