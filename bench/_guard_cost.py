"""What the connection guard costs of a request, in one process: the same requests with and without it, in turns.

The h11 protocol of uvicorn serves the handler of bench.oscp_inbound on a transport that discards the response: without
sockets the guard's part of the time is as large as it can be.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from functools import partial
from typing import Any

import uvicorn
from litestar import Litestar
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from bench._decoding_handler import take
from depot_sim.connection_guard import ConnectionGuard, GuardedApplication, Limits

TURNS = 100
REQUESTS_PER_TURN = 100
_BODY = b'{"offline_mode_at":"2030-01-01T00:00:00.000Z"}'
_REQUEST = (
    b"POST /oscp/cp/2.0/heartbeat HTTP/1.1\r\nHost: 127.0.0.1:8420\r\nContent-Type: application/json\r\n"
    b"X-OSCP-Configuration-ID: configuration-1\r\nX-Request-ID: run-1-1\r\nContent-Length: %d\r\n\r\n%b"
    % (len(_BODY), _BODY)
)


def cpu_us_without_and_with() -> tuple[float, float]:
    """CPU µs of a request without and with the guard: the medians of all turns."""
    return asyncio.run(_measure())


async def _measure() -> tuple[float, float]:
    app, guard = Litestar([take], openapi_config=None, logging_config=None), ConnectionGuard(Limits())
    without = _h11(app)()
    guarded = guard.connection(_h11(GuardedApplication(app, guard.limits)))
    turns: tuple[list[float], list[float]] = ([], [])
    ends = [_Sink(without), _Sink(guarded)]
    for _ in range(TURNS):
        for sink, times in zip(ends, turns, strict=True):
            began = time.process_time()
            for _ in range(REQUESTS_PER_TURN):
                await sink.request()
            times.append((time.process_time() - began) / REQUESTS_PER_TURN * 1e6)
    for sink in ends:
        sink.end()
    return statistics.median(turns[0]), statistics.median(turns[1])


def _h11(app: Any) -> Any:
    config = uvicorn.Config(app, http="h11", ws="none", lifespan="off", access_log=False, log_config=None)
    config.load()
    return partial(
        H11Protocol, config=config, server_state=ServerState(), app_state={}, _loop=asyncio.get_running_loop()
    )


class _Sink(asyncio.Transport):
    """A transport whose client sends one request after the other."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__({"peername": ("127.0.0.1", 40_000)})
        self._protocol = protocol
        self._responded = asyncio.Event()
        protocol.connection_made(self)

    async def request(self) -> None:
        self._responded.clear()
        self._protocol.data_received(_REQUEST)
        await self._responded.wait()
        await asyncio.sleep(0)  # let the request's task end

    def end(self) -> None:
        self._protocol.connection_lost(None)

    def write(self, data: Any) -> None:
        if data.startswith(b"HTTP/1.1 204"):
            self._responded.set()

    def is_closing(self) -> bool:
        return False

    def is_reading(self) -> bool:
        return True

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered."""

    def close(self) -> None:
        """Nothing is open."""
