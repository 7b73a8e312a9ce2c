"""kill -9 while twenty clients send commands: what was acknowledged is in the log once, and nothing is there twice.

DEPOT_SIM_TEST_KILLS says how often, if not as often as the full set or its part does it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.processes import ROOT, running, wait_for
from tests.full_set import examples
from tests.patience import patient

KILLS = int(os.environ.get("DEPOT_SIM_TEST_KILLS", examples(20, 3)))
CLIENTS = 20
MOST_BETWEEN_KILLS = 100
"""Acknowledgements."""
TARGET_SET = "vehicle.target-set.1"


@contextmanager
def served(db: str, folder: Path, port: int) -> Iterator[tuple[str, int]]:
    """URL and process id; the same port every time, so that the lease is its own again at once."""
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    with running("serve", "--db", db, "--port", str(port), "--ready-file", str(ready)) as process:
        wait_for(ready.exists, process)
        yield json.loads(ready.read_bytes())["url"], process.pid


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_run(url: str) -> None:
    definition = (ROOT / "examples" / "three-bus-depot.yaml").read_bytes()
    with httpx.Client(base_url=url, timeout=patient(120), trust_env=False) as http:
        yaml = {"Content-Type": "application/yaml"}
        created = http.post("/simulation-configurations", content=definition, headers=yaml)
        body = {"configuration_id": created.json()["id"], "run_id": "r", "tick": "1 s", "clock": {"speed": "20"}}
        assert http.post("/simulation-runs", json=body).status_code == 201


class Clients:
    """Each sends commands under keys of their own, again after a cut, and remembers what was acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, Any] = {}
        self._unanswered: dict[int, str] = {}
        self._sent = 0

    async def work(self, url: str, pid: int, chance: random.Random) -> None:
        """Until the server, killed after some answers, answers no more."""
        self._answered = asyncio.Event()
        async with httpx.AsyncClient(base_url=url, timeout=patient(120), trust_env=False) as http:
            sending = [asyncio.create_task(self._send(http, number, chance)) for number in range(CLIENTS)]
            wanted = len(self.acknowledged) + chance.randint(1, MOST_BETWEEN_KILLS)
            async with asyncio.timeout(patient(60)):
                while len(self.acknowledged) < wanted:
                    self._answered.clear()
                    await self._answered.wait()
            os.kill(pid, signal.SIGKILL)
            await asyncio.gather(*sending)

    async def finish(self, url: str) -> None:
        """Send what was not answered once more."""
        self._answered = asyncio.Event()
        async with httpx.AsyncClient(base_url=url, timeout=patient(120), trust_env=False) as http:
            for key in list(self._unanswered.values()):
                await self._command(http, key)

    async def _send(self, http: httpx.AsyncClient, number: int, chance: random.Random) -> None:
        with suppress(httpx.TransportError):
            while True:
                key = self._unanswered.setdefault(number, f"{number}-{self._next()}")
                await self._command(http, key)
                del self._unanswered[number]
                await asyncio.sleep(chance.uniform(0, 0.02))

    async def _command(self, http: httpx.AsyncClient, key: str) -> None:
        headers = {"Idempotency-Key": key, "X-Request-ID": key}
        body = {"vehicle": "bus-1", "soc": "80 %"}
        answer = await http.post("/simulation-runs/r/commands/set-target-soc", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        assert self.acknowledged.setdefault(key, answer.json()) == answer.json()
        self._answered.set()

    def _next(self) -> int:
        self._sent += 1
        return self._sent


def recorded(url: str) -> Counter[str]:
    """How often each request has had its effect."""
    path = f"/simulation-runs/r/events?type={TARGET_SET}"
    headers = {"Accept": "application/jsonl"}
    lines = httpx.get(url + path, headers=headers, timeout=patient(120), trust_env=False).text.splitlines()
    return Counter(json.loads(line)["origin"]["causation_id"] for line in lines)


def test_every_acknowledged_command_is_in_the_log_once(sqlite_url: str, tmp_path: Path) -> None:
    port, chance, clients = free_port(), random.Random(7), Clients()
    for kill in range(KILLS):
        with served(sqlite_url, tmp_path, port) as (url, pid):
            if kill == 0:
                start_run(url)
            asyncio.run(clients.work(url, pid, chance))
    with served(sqlite_url, tmp_path, port) as (url, _):
        effects = recorded(url)
        assert set(clients.acknowledged) <= set(effects)
        asyncio.run(clients.finish(url))
        effects = recorded(url)

    assert len(clients.acknowledged) > KILLS
    assert effects == Counter(clients.acknowledged.keys())
