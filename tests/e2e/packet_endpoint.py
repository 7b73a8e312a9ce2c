"""A platform that takes packets, lies on demand, and can be down: in a thread of the test, at one address."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from aiohttp import web

from tests.e2e.test_kill import free_port
from tests.patience import patient

Lie = Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]]
_PATIENCE_S = patient(60)


class Endpoint:
    """`packets` are all that were answered with a 2xx, as they came; `attempts` counts requests by packet id."""

    def __init__(self) -> None:
        self.port = free_port()
        self.packets: list[Any] = []
        self.attempts: defaultdict[str, int] = defaultdict(int)
        self.lie: Lie | None = None
        self.lies = 0
        """How many attempts at each packet are lied to."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/packets"

    def up(self) -> None:
        self._call(self._up())

    def down(self) -> None:
        self._call(self._down())

    def close(self) -> None:
        self.down()
        self._call(_end_of_handlers())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_S)
        self._loop.close()

    def by_device(self) -> dict[str, list[int]]:
        """The numbers of each device's packets in the order of their first arrival."""
        seqs: defaultdict[str, dict[int, None]] = defaultdict(dict)
        for packet in list(self.packets):
            seqs[packet["deviceId"]].setdefault(packet["seq"])
        return {device: list(numbers) for device, numbers in seqs.items()}

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)

    async def _up(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/packets{rest:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def _down(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _take(self, request: web.Request) -> web.StreamResponse:
        packet = json.loads(await request.read())
        self.attempts[packet["packetId"]] += 1
        if self.lie is not None and self.attempts[packet["packetId"]] <= self.lies:
            return await self.lie(request)
        self.packets.append(packet)
        return web.json_response({"accepted": True})


async def _end_of_handlers() -> None:
    """Of those that still hang."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


class Request(NamedTuple):
    """As it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Inbox(Endpoint):
    """Takes whatever comes, and keeps it as it came."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []

    async def _take(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(Request(request.method, request.path, dict(request.headers), await request.read()))
        return web.Response(status=204)


@contextmanager
def inbox() -> Iterator[Inbox]:
    """Open at once."""
    opened = Inbox()
    try:
        opened.up()
        yield opened
    finally:
        opened.close()


@contextmanager
def endpoint() -> Iterator[Endpoint]:
    """Down at first."""
    opened = Endpoint()
    try:
        yield opened
    finally:
        opened.close()


async def hang(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(_PATIENCE_S)
    return web.Response()


async def close(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def talk_garbage(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    assert isinstance(request.transport, asyncio.WriteTransport)
    request.transport.write(b"\x16\x03\x01 what? \x00\r\n\r\n")
    request.transport.close()
    return web.Response()


def answering(status: int, **headers: str) -> Lie:
    async def answer(_: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, headers=named, text="no, because we say so")

    return answer
