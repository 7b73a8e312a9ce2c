"""Bodies of requests, read within the limits that the simulator's server has, too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from depot_sim.connection_guard import BodyMemory, LimitedBody, Limits

LARGEST_BODY_BYTES = 2**24
_RETRY_AFTER = {"Retry-After": "5"}


class BodyRefused(Exception):
    """A body that is too large, too slow, or more than there is memory for."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self._status, self._reason = status, reason

    def response(self) -> web.Response:
        """The connection is closed after it: the rest of the body is not waited for."""
        headers = _RETRY_AFTER if self._status == 503 else None
        response = web.json_response({"message": self._reason}, status=self._status, headers=headers)
        response.force_close()
        return response


class Bodies:
    """All bodies under way, which share one memory."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._memory = BodyMemory(limits.body_bytes_under_way)

    @contextmanager
    def of(self, request: web.Request) -> Iterator[None]:
        """Let `read_body` read the body of this request. Its memory counts until the end of the block."""
        body = LimitedBody(self._limits, self._memory)
        request[_KEY] = _Incoming(request, body)
        try:
            yield
        finally:
            body.give_memory_back()


class _Incoming:
    """The body of one request."""

    def __init__(self, request: web.Request, body: LimitedBody) -> None:
        self._content = request.content
        self._body = body

    async def read(self) -> bytes:
        clock, received = asyncio.get_running_loop().time, bytearray()
        while True:
            began = clock()
            try:
                async with asyncio.timeout(self._body.seconds_left):
                    part = await self._content.readany()
            except TimeoutError:
                raise BodyRefused(408, self._body.lateness) from None
            if not part:
                return bytes(received)
            if len(received) + len(part) > LARGEST_BODY_BYTES:
                raise BodyRefused(413, f"A body may have {LARGEST_BODY_BYTES:,} bytes.")
            if shortage := self._body.part_came(len(part), clock() - began):
                raise BodyRefused(503, shortage)
            received += part


_KEY = web.RequestKey("body", _Incoming)


async def read_body(request: web.Request) -> bytes:
    """The whole body, which can be read once. Raises BodyRefused, which the door turns into its response."""
    return await request[_KEY].read()
