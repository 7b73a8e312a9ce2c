"""Messages of partners with a durable ledger against a bare Litestar handler: `python -m bench.oscp_inbound`.

Both servers run on one core, each alone, with the same HTTP stack; 32 connections send a message after the other. The
handler only decodes the same body and answers 204. The simulator finds the session, judges, and has the message
recorded and finalised on disk before it answers. The ratio is that of requests per CPU second. No bound is set on it:
bench.oscp_sessions has the load that is asked for.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from bench._day import depot
from bench._processes import Server, send, server

CONNECTIONS = 32
SESSIONS = 8
SECONDS = 6.0
_HEARTBEAT = b'{"offline_mode_at":"2030-01-01T00:00:00.000Z"}'
_ADJUSTMENT = json.dumps(
    {
        "group_id": "group-1",
        "type": "CONSUMPTION",
        "forecasted_blocks": [
            {
                "capacity": 500.0,
                "phase": "ALL",
                "unit": "KW",
                "start_time": "2030-01-01T00:00:00.000Z",
                "end_time": "2030-01-01T00:15:00.000Z",
            }
        ],
    }
).encode()


class Load(NamedTuple):
    """`status` is what a right answer has."""

    name: str
    path: str
    body: bytes
    status: bytes


HEARTBEATS = Load("heartbeats", "heartbeat", _HEARTBEAT, b"204")
REFUSED = Load("refused_adjustments", "adjust_group_capacity_forecast", _ADJUSTMENT, b"403")


class Measured(NamedTuple):
    requests: int
    seconds: float
    cpu_seconds: float


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for load in (HEARTBEATS, REFUSED):
            with server(folder, "bench._decoding_handler") as bare:
                base = asyncio.run(measure(bare, load._replace(status=b"204"), lambda number: str(number % SESSIONS)))
            with server(
                folder, "depot_sim.bootstrap.main", "serve", "--db", f"sqlite:///{folder / load.name}.db"
            ) as simulator:
                attach(simulator.url)
                ours = asyncio.run(measure(simulator, load, lambda number: f"configuration-{number % SESSIONS}"))
            _report(load.name, base, ours)


def attach(url: str) -> None:
    """Sessions that are online, with a partner that is never called."""
    configuration = send("POST", f"{url}/simulation-configurations", depot(3))
    run = {"configuration_id": configuration["id"], "run_id": "r", "clock": {"mode": "REALTIME"}}
    send("POST", f"{url}/simulation-runs", run)
    for number in range(SESSIONS):
        asked = {
            "managed_scope_id": "site",
            "betterfleet_base_url": "http://127.0.0.1:9",
            "remote_configuration_id": f"configuration-{number}",
            "group_id": "group-1",
        }
        session = send("POST", f"{url}/simulation-runs/r/oscp-sessions", asked)["session_id"]
        commands = f"{url}/simulation-runs/r/oscp-sessions/{session}/commands"
        send("POST", f"{commands}/switch-heartbeats", {"sending": False})
        send("POST", f"{commands}/force-state", {"state": "online"})


async def measure(target: Server, load: Load, configuration: Callable[[int], str]) -> Measured:
    await _send_for(1.0, target, load, configuration, "warm")
    cpu, began = target.cpu_seconds(), time.perf_counter()
    requests = await _send_for(SECONDS, target, load, configuration, "run")
    return Measured(requests, time.perf_counter() - began, target.cpu_seconds() - cpu)


async def _send_for(seconds: float, target: Server, load: Load, configuration: Callable[[int], str], phase: str) -> int:
    async with asyncio.TaskGroup() as clients:
        sending = [
            clients.create_task(_client(target, load, configuration(number), f"{phase}-{number}", seconds))
            for number in range(CONNECTIONS)
        ]
    return sum(task.result() for task in sending)


async def _client(target: Server, load: Load, configuration: str, name: str, seconds: float) -> int:
    host = urlsplit(target.url)
    reader, writer = await asyncio.open_connection(host.hostname, host.port)
    head = (
        f"POST /oscp/cp/2.0/{load.path} HTTP/1.1\r\nHost: {host.netloc}\r\nContent-Type: application/json\r\n"
        f"X-OSCP-Configuration-ID: {configuration}\r\nContent-Length: {len(load.body)}\r\nX-Request-ID: {name}-"
    ).encode()
    count, ends = 0, time.perf_counter() + seconds
    while time.perf_counter() < ends:
        writer.write(b"%b%d\r\n\r\n%b" % (head, count, load.body))
        await _read_answer(reader, load.status)
        count += 1
    writer.close()
    return count


async def _read_answer(reader: asyncio.StreamReader, status: bytes) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if head[9:12] != status:
        raise RuntimeError(head.decode())
    _, found, length = head.lower().partition(b"content-length: ")
    if found:
        await reader.readexactly(int(length.partition(b"\r\n")[0]))


def _report(name: str, base: Measured, ours: Measured) -> None:
    per_cpu_base, per_cpu = base.requests / base.cpu_seconds, ours.requests / ours.cpu_seconds
    figure = {
        "name": f"oscp_inbound_{name}",
        "value": round(per_cpu / per_cpu_base, 2),
        "unit": "ratio",
        "per_cpu_second": round(per_cpu),
        "per_second": round(ours.requests / ours.seconds),
        "handler_per_cpu_second": round(per_cpu_base),
        "handler_per_second": round(base.requests / base.seconds),
    }
    print(json.dumps(figure), flush=True)


if __name__ == "__main__":
    main()
