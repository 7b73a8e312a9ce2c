"""The limits of HTTP connections at full size: `python -m bench.http_limits`.

1. What the connection guard costs of a request: CPU time in one process with and without it, in turns, beside that of
   a heartbeat that the service answers.
2. 60 MB of one header: refused with 431. Another client's requests meanwhile: the latest response.
3. 5,000 half requests: the latest response meanwhile, memory, and that all are ended.
4. Half requests, 3,000 of each of two addresses, with the default limits: the latest response to a third address on
   new connections, while they are sent and for 3 s after.
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from bench._guard_cost import cpu_us_without_and_with
from bench._probe import Probe
from bench._processes import Server, server
from bench.oscp_inbound import HEARTBEATS, SESSIONS, attach, measure

T = TypeVar("T")

HEADER_BYTES = 60 * 10**6
HALF_REQUESTS = 5_000
CROWD_OF_AN_ADDRESS = 3_000
_HOLD_SECONDS = 3
_HALF = (
    b"GET /simulation-runs HTTP/1.1\r\nHost: ",
    b"POST /simulation-runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
)


def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _report_cost(folder)
        db = f"sqlite:///{folder / 'limits.db'}"
        with server(folder, "depot_sim.bootstrap.main", "serve", "--db", db) as simulator:
            asyncio.run(_long_header(simulator))
        shorter = (
            "--limit",
            "body-seconds=10",
            "--limit",
            "connections=6000",
            "--limit",
            "connections-per-address=5500",
        )
        with server(folder, "depot_sim.bootstrap.main", "serve", "--db", db, *shorter) as simulator:
            asyncio.run(_half_requests(simulator))
        with server(folder, "depot_sim.bootstrap.main", "serve", "--db", db) as simulator:
            asyncio.run(_crowd(simulator))


def _report_cost(folder: Path) -> None:
    bare_us, guarded_us = cpu_us_without_and_with()
    with server(folder, "depot_sim.bootstrap.main", "serve", "--db", f"sqlite:///{folder / 'cost.db'}") as simulator:
        attach(simulator.url)
        measured = asyncio.run(measure(simulator, HEARTBEATS, lambda number: f"configuration-{number % SESSIONS}"))
    heartbeat_us = measured.cpu_seconds / measured.requests * 1e6
    _print("http_guard_cost", guarded_us - bare_us, "µs")
    _print("http_guard_cost_of_a_heartbeat", (guarded_us - bare_us) / heartbeat_us, "ratio", at_most=0.05)
    _print("http_guard_cost_of_a_bare_handler", (guarded_us - bare_us) / bare_us, "ratio")


async def _long_header(simulator: Server) -> None:
    reader, writer = await _open(simulator)
    writer.write(b"GET /livez HTTP/1.1\r\nX: ")
    status, times = await _beside(simulator, _send_header(reader, writer))
    _print("http_long_header_status", status, "status", at_least=431, at_most=431)
    _print("http_long_header_latest_response", max(times) * 1_000, "ms")
    _print("http_long_header_memory", simulator.resident_mb(), "MB")


async def _send_header(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    answer = asyncio.ensure_future(reader.readline())
    piece = b"x" * 10**5
    try:
        for _ in range(HEADER_BYTES // len(piece)):
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass
    status = int((await answer).split()[1])
    writer.close()
    return status


async def _half_requests(simulator: Server) -> None:
    opened = [await _open(simulator) for _ in range(HALF_REQUESTS)]
    statuses, times = await _beside(simulator, _send_halves(simulator, opened))
    _print("http_half_requests_ended", statuses.count(408), "connections", at_least=HALF_REQUESTS)
    _print("http_half_requests_latest_response", max(times) * 1_000, "ms")
    _print("http_half_requests_99_percent_response", statistics.quantiles(times, n=100)[98] * 1_000, "ms")
    _print("http_half_requests_median_response", statistics.median(times) * 1_000, "ms")
    for _, writer in opened:
        writer.close()


async def _send_halves(
    simulator: Server, opened: Sequence[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
) -> list[int]:
    """Send half a request on every connection, all at once; the status of every response."""
    began = time.perf_counter()
    for number, (_, writer) in enumerate(opened):
        writer.write(_HALF[number % 2])
    _print("http_half_requests_memory", simulator.resident_mb(), "MB")
    statuses = await asyncio.gather(*[_status(reader) for reader, _ in opened])
    _print("http_half_requests_seconds", time.perf_counter() - began, "s", at_most=15)
    return statuses


async def _crowd(simulator: Server) -> None:
    """Half requests of two addresses, which together are more than there are places for."""
    _, times = await _beside(simulator, _send_crowd(simulator), kept=False)
    _print("http_crowd_latest_response", max(times) * 1_000, "ms")
    _print("http_crowd_median_response", statistics.median(times) * 1_000, "ms")


async def _send_crowd(simulator: Server) -> None:
    opened = []
    for number in range(2 * CROWD_OF_AN_ADDRESS):
        _, writer = await _open(simulator, f"127.0.0.{2 + number % 2}")
        writer.write(_HALF[number // 2 % 2])
        opened.append(writer)
    await asyncio.sleep(_HOLD_SECONDS)
    for writer in opened:
        writer.close()


async def _status(reader: asyncio.StreamReader) -> int:
    answer = await reader.read()
    return int(answer.split()[1]) if answer else 0


async def _beside(simulator: Server, work: Awaitable[T], *, kept: bool = True) -> tuple[T, list[float]]:
    """The result, and how long each response to another client took while it was made, in seconds."""
    probe = await asyncio.to_thread(Probe, simulator.url, kept=kept)
    result = await work
    return result, await asyncio.to_thread(probe.end)


async def _open(simulator: Server, source: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host = urlsplit(simulator.url)
    return await asyncio.open_connection(host.hostname, host.port, local_addr=(source, 0))


def _print(name: str, value: float, unit: str, **bound: float) -> None:
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, **bound}), flush=True)


if __name__ == "__main__":
    main()
