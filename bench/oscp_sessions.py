"""A thousand sessions with heartbeats both ways: `python -m bench.oscp_sessions`.

The simulator runs on one core, durable in SQLite; this process plays all their partners: it answers each heartbeat, and
sends one for every session each five seconds. A heartbeat is late by what it comes after its interval.
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
from urllib.request import Request, urlopen

import aiohttp
from aiohttp import web

from bench._day import depot
from bench._processes import Server, send, server

SESSIONS = 1_000
INTERVAL_S = 5.0
SECONDS = 60.0
_GOOD_FOR = timedelta(seconds=3 * INTERVAL_S)
_ATTACHED_WITHIN = timedelta(minutes=20)


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        server(
            Path(name), "depot_sim.bootstrap.main", "serve", "--db", f"sqlite:///{Path(name) / 'oscp'}.db"
        ) as simulator,
    ):
        asyncio.run(_measure(simulator))


class Partners:
    """The platform's side of every session: when which heartbeat came."""

    def __init__(self) -> None:
        self.heard: defaultdict[str, list[float]] = defaultdict(list)

    async def take(self, request: web.Request) -> web.Response:
        self.heard[request.headers["X-OSCP-Configuration-ID"]].append(time.perf_counter())
        return web.Response(status=204)

    def latest_s(self) -> float:
        """The longest any heartbeat came after its interval."""
        late = [after - before - INTERVAL_S for times in self.heard.values() for before, after in _pairs(times)]
        return max(late)


async def _measure(simulator: Server) -> None:
    partners = Partners()
    app = web.Application()
    app.router.add_post("/oscp/fp/2.0/heartbeat", partners.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/oscp"
    sessions = await asyncio.to_thread(_attach, simulator.url, base_url)
    partners.heard.clear()
    cpu, began = simulator.cpu_seconds(), time.perf_counter()
    refused = await _send_heartbeats(simulator.url)
    seconds = time.perf_counter() - began
    states = [
        (await asyncio.to_thread(send, "GET", f"{simulator.url}/simulation-runs/r/oscp-sessions/{session}"))["state"]
        for session in sessions[:: SESSIONS // 50]
    ]
    await runner.cleanup()
    _print("oscp_sessions_latest_heartbeat", partners.latest_s(), "s", at_most=1.0)
    _print("oscp_sessions_heartbeats_heard", sum(map(len, partners.heard.values())), "messages")
    _print("oscp_sessions_heartbeats_refused", refused, "messages", at_most=0)
    _print("oscp_sessions_online_of_50", states.count("online"), "sessions", at_least=50)
    _print("oscp_sessions_memory", simulator.resident_mb(), "MB", at_most=150)
    _print("oscp_sessions_cpu", (simulator.cpu_seconds() - cpu) / seconds, "cores", at_most=0.6)


def _attach(url: str, base_url: str) -> list[str]:
    """Sessions that are online; their ids."""
    configuration = send("POST", f"{url}/simulation-configurations", depot(3))
    run = {"configuration_id": configuration["id"], "run_id": "r", "clock": {"mode": "REALTIME"}}
    send("POST", f"{url}/simulation-runs", run)
    return [_attach_one(url, base_url, number) for number in range(SESSIONS)]


def _attach_one(url: str, base_url: str, number: int) -> str:
    asked = {
        "managed_scope_id": "site",
        "betterfleet_base_url": base_url,
        "remote_configuration_id": f"configuration-{number}",
        "group_id": "group-1",
        "policy": {"heartbeat_interval_ms": int(INTERVAL_S * 1_000)},
    }
    session: str = send("POST", f"{url}/simulation-runs/r/oscp-sessions", asked)["session_id"]
    send("POST", f"{url}/simulation-runs/r/oscp-sessions/{session}/commands/force-state", {"state": "online"})
    _send_first_heartbeat(url, number)
    return session


def _send_first_heartbeat(url: str, number: int) -> None:
    """It is good until all others are attached, too, however long that takes."""
    headers = {"Content-Type": "application/json", **_headers(number, "first")}
    request = Request(f"{url}/oscp/cp/2.0/heartbeat", json.dumps(_heartbeat(_ATTACHED_WITHIN)).encode(), headers)
    with urlopen(request) as answer:
        assert answer.status == 204


def _heartbeat(good_for: timedelta) -> dict[str, str]:
    offline_at = (datetime.now(UTC) + good_for).isoformat(timespec="milliseconds")
    return {"offline_mode_at": offline_at.replace("+00:00", "Z")}


def _headers(number: int, name: str) -> dict[str, str]:
    return {"X-OSCP-Configuration-ID": f"configuration-{number}", "X-Request-ID": f"{number}-{name}"}


async def _send_heartbeats(url: str) -> int:
    """Each session's heartbeat every interval; how many were not taken."""
    connector = aiohttp.TCPConnector(limit=64)
    async with aiohttp.ClientSession(connector=connector) as http, asyncio.TaskGroup() as tasks:
        partners = [tasks.create_task(_partner(http, url, number)) for number in range(SESSIONS)]
    return sum(task.result() for task in partners)


async def _partner(http: aiohttp.ClientSession, url: str, number: int) -> int:
    ends = time.perf_counter() + SECONDS
    due, refused, count = time.perf_counter() + INTERVAL_S * number / SESSIONS, 0, 0
    while due < ends:
        await asyncio.sleep(due - time.perf_counter())
        headers = _headers(number, str(count))
        address = f"{url}/oscp/cp/2.0/heartbeat"
        async with http.post(address, json=_heartbeat(_GOOD_FOR), headers=headers) as answer:
            refused += answer.status != 204
        due, count = due + INTERVAL_S, count + 1
    return refused


def _pairs(times: list[float]) -> list[tuple[float, float]]:
    return list(pairwise(times))


def _print(name: str, value: float, unit: str, **bound: float) -> None:
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, **bound}), flush=True)


if __name__ == "__main__":
    main()
