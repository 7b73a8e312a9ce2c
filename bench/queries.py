"""Queries of a connector's state under a running depot, one JSON line per figure: `python -m bench.queries`.

A service in a process of its own runs 1,000 charging buses in real time, a tick a second, durable in SQLite. Fifty
clients in this process, each on its own connection, ask for one connector after the other: first as often as people
and dashboards do (a thousand queries a second among them), then as fast as they can. Latency is from writing the
request to the answer's last byte.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from bench._day import depot
from tests.processes import module_command

BUSES = 1_000
CLIENTS = 50
SECONDS = 10.0
PACED_PER_SECOND = 1_000
TARGET_MS = 20.0


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, _serving(Path(folder)) as url:
        _start_run(url)
        _report("paced", asyncio.run(_ask(url, pause=CLIENTS / PACED_PER_SECOND)))
        _report("flat_out", asyncio.run(_ask(url, pause=0.0)))
        ticks = json.loads(urlopen(f"{url}/simulation-runs/r").read())["ticks"]
        _print("queries_ticks_meanwhile", ticks, "ticks")


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    ready = folder / "ready.json"
    arguments = ["serve", "--db", f"sqlite:///{folder / 'depot.db'}", "--port", "0", "--ready-file", str(ready)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(module_command("depot_sim.bootstrap.main", *arguments), stdout=log, stderr=log)
        try:
            while not ready.exists():
                if process.poll() is not None:
                    raise RuntimeError((folder / "log").read_text())
                time.sleep(0.02)
            yield json.loads(ready.read_bytes())["url"]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _start_run(url: str) -> None:
    """Every bus is plugged in and charges for hours."""
    document = depot(BUSES)
    for vehicle in document["vehicles"]:
        del vehicle["duties"]
        vehicle["initial_soc"] = "10 %"
    created = _post(f"{url}/simulation-configurations", document)
    _post(f"{url}/simulation-runs", {"configuration_id": created["id"], "run_id": "r", "tick": "1 s"})


def _post(url: str, body: Any) -> Any:
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    return json.loads(urlopen(request).read())


async def _ask(url: str, pause: float) -> list[float]:
    """The latencies in seconds of all queries of all clients."""
    async with asyncio.TaskGroup() as clients:
        asking = [clients.create_task(_client(url, number, pause)) for number in range(CLIENTS)]
    return sorted(latency for task in asking for latency in task.result())


async def _client(url: str, number: int, pause: float) -> list[float]:
    host, chance, latencies = urlsplit(url), random.Random(number), []
    reader, writer = await asyncio.open_connection(host.hostname, host.port)
    ends = time.perf_counter() + SECONDS
    while time.perf_counter() < ends:
        await asyncio.sleep(chance.uniform(0, 2 * pause))
        path = f"/simulation-runs/r/chargers/c{chance.randrange(BUSES)}/connectors/1"
        began = time.perf_counter()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host.netloc}\r\n\r\n".encode())
        await _read_answer(reader)
        latencies.append(time.perf_counter() - began)
    writer.close()
    return latencies


async def _read_answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode())
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))


def _report(load: str, latencies: list[float]) -> None:
    p50, p99 = (latencies[int(len(latencies) * share)] * 1_000 for share in (0.5, 0.99))
    _print(f"queries_{load}_p50", p50, "ms")
    _print(f"queries_{load}_p99", p99, "ms", at_most=TARGET_MS)
    _print(f"queries_{load}_rate", len(latencies) / SECONDS, "1/s")


def _print(name: str, value: float, unit: str, **bound: float) -> None:
    print(json.dumps({"name": name, "value": round(value, 2), "unit": unit, **bound}), flush=True)


if __name__ == "__main__":
    main()
