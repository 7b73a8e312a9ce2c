"""A thousand devices that report every ten seconds: `python -m bench.packets`.

The simulator runs on one core, in real time with ticks of a second, durable in SQLite; this process is the platform. A
packet's way begins when the tick it tells of is committed, and ends when its first bytes are here.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

from bench._day import depot
from bench._processes import Server, send, server

DEVICES = 1_000
CADENCE_S = 10.0
WARM_UP_S = 15.0
SECONDS = 60.0
_BUSES = 950  # with a meter each, and one for each feeder, the site and the weather
_START = datetime(2026, 1, 5, 18, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class Arrival(NamedTuple):
    """`at` is in seconds since 1970."""

    at: float
    body: bytes


class Platform(asyncio.Protocol):
    """Takes whatever is posted, and remembers when its first bytes came."""

    def __init__(self, arrivals: list[Arrival]) -> None:
        self._arrivals = arrivals
        self._buffer = b""
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._buffer:
            self._began = time.time()
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if separator and len(rest) >= _length(head):
            self._arrivals.append(Arrival(self._began, rest))
            self._buffer = b""
            self._transport.write(_ANSWER)


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        server(
            Path(name), "depot_sim.bootstrap.main", "serve", "--db", f"sqlite:///{Path(name) / 'packets'}.db"
        ) as simulator,
    ):
        asyncio.run(_measure(simulator))


async def _measure(simulator: Server) -> None:
    arrivals: list[Arrival] = []
    loop = asyncio.get_running_loop()
    platform = await loop.create_server(lambda: Platform(arrivals), "127.0.0.1", 0)
    endpoint = f"http://127.0.0.1:{platform.sockets[0].getsockname()[1]}/packets"
    await asyncio.to_thread(_start, simulator.url, endpoint)
    await asyncio.sleep(WARM_UP_S)
    arrivals.clear()
    cpu, began = simulator.cpu_seconds(), time.perf_counter()
    await asyncio.sleep(SECONDS)
    seconds, cpu = time.perf_counter() - began, simulator.cpu_seconds() - cpu
    heard = list(arrivals)
    feed = await asyncio.to_thread(send, "GET", f"{simulator.url}/simulation-runs/r/packet-feeds/iot")
    commits = await asyncio.to_thread(_commits, simulator.url)
    platform.close()
    _print("packets_devices", feed["devices"], "devices", at_least=DEVICES)
    _print("packets_rate", len(heard) / seconds, "packets/s")
    _print("packets_cadence_off_p99", _p99(_offs(heard)) * 1_000, "ms", at_most=500)
    _print("packets_commit_to_wire_p50", _quantile(_ways(heard, commits), 50) * 1_000, "ms")
    _print("packets_commit_to_wire_p99", _p99(_ways(heard, commits)) * 1_000, "ms", at_most=50)
    _print("packets_cpu", cpu / seconds, "cores", at_most=1.0)
    _print("packets_memory", simulator.resident_mb(), "MB")


def _start(url: str, endpoint: str) -> None:
    """A run whose devices all report to the endpoint."""
    binding = {"family": "packets", "id": "iot", "managed_scope": "site", "endpoint": endpoint}
    configuration = send("POST", f"{url}/simulation-configurations", depot(_BUSES) | {"projection_bindings": [binding]})
    run = {"configuration_id": configuration["id"], "run_id": "r", "tick": "1 s", "start_time": _START.isoformat()}
    send("POST", f"{url}/simulation-runs", run | {"clock": {"mode": "REALTIME"}})


def _commits(url: str) -> dict[int, float]:
    """When each tick was recorded, in seconds since 1970, by its logical time in ms."""
    ticks: dict[int, float] = {}
    after = 0
    while True:
        with urlopen(f"{url}/simulation-runs/r/events?type=run.ticked.1&limit=1000&after={after}") as answer:
            page = json.loads(answer.read())
        for event in page["events"]:
            ticks[event["data"]["at"]] = datetime.fromisoformat(event["recorded_at"]).timestamp()
            after = event["position"]
        if len(page["events"]) < 1_000:
            return ticks


def _offs(heard: list[Arrival]) -> list[float]:
    """By how much each telemetry packet missed its cadence, in seconds."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    for arrival in heard:
        packet = json.loads(arrival.body)
        if packet["type"] == "TELEMETRY" and len(packet["measurements"]) > 1:
            times[packet["deviceId"]].append(arrival.at)
    return [abs(after - before - CADENCE_S) for device in times.values() for before, after in pairwise(device)]


def _ways(heard: list[Arrival], commits: dict[int, float]) -> list[float]:
    """How long each packet took from its tick's commit, in seconds."""
    sent = (datetime.fromisoformat(json.loads(arrival.body)["sentAt"]) for arrival in heard)
    return [arrival.at - commits[(moment - _START) // _MS] for arrival, moment in zip(heard, sent, strict=True)]


def _length(head: bytes) -> int:
    name = b"content-length:"
    at = head.lower().index(name) + len(name)
    return int(head[at:].split(b"\r\n", 1)[0])


def _p99(values: list[float]) -> float:
    return _quantile(values, 99)


def _quantile(values: list[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def _print(name: str, value: float, unit: str, **bound: float) -> None:
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, **bound}), flush=True)


if __name__ == "__main__":
    main()
