"""A service that is killed at random moments while clients use it, and what it comes to."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any, NamedTuple

import aiohttp

from bench._kills_check import Faults, check
from bench._kills_clients import (
    RUN,
    Records,
    Sender,
    Session,
    command_client,
    oscp_client,
    put_online,
    scenario_client,
)
from bench._kills_service import Service
from tests.e2e.oscp_sockets import NOWHERE
from tests.e2e.packet_endpoint import Endpoint
from tests.e2e.packet_stage import BINDING, microgrid
from tests.patience import patient

_COMMAND_CLIENTS, _OSCP_CLIENTS = 8, 6
_SCENARIO = "bba-mode-table"
_SEED = 9
_MOST_ANSWERS = 120
"""A service that is ready is killed after at most so many answers."""
_WHILE_STARTING = 0.2
"""Share of the kills that come before the service is ready."""
_MOST_START_S = 1.5


class Part(NamedTuple):
    """What differs between the parts of the benchmark.

    A partner's heartbeat keeps its session online for `alive_s`; without one, a session stays online for three times
    `interval_s`. Both are in seconds. `lifecycle` is the state in which sessions are at the end.
    """

    name: str
    store: str
    alive_s: int
    interval_s: int
    lifecycle: str


class Scene:
    """A service, its clients and the endpoint of its packets."""

    def __init__(self, part: Part, service: Service, platform: Endpoint) -> None:
        self._part = part
        self._platform = platform
        self._records = Records()
        self._chance = random.Random(f"{_SEED} {part.name}")
        self.service = service

    def counts(self) -> dict[str, Any]:
        """How much was acknowledged, and how many packets came again after a kill."""
        effects, statuses, arrived = self._records.effects, self._records.statuses, self._platform.packets
        different = len({packet["packetId"] for packet in arrived})
        return {
            "starts": self.service.starts,
            "commands": len(effects),
            "messages": len(statuses),
            "statuses": dict(sorted(Counter(statuses.values()).items())),
            "packets": different,
            "packets_again": len(arrived) - different,
        }

    async def play(self, kills: int) -> Faults:
        """Kill the service so often, then compare what it answered with what it recorded."""
        self.service.start()
        assert await asyncio.to_thread(self.service.wait), "the first process has ended"
        timeout, connector = aiohttp.ClientTimeout(total=patient(60)), aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(self.service.url, timeout=timeout, connector=connector) as http:
            sender = Sender(http, self._records, self._chance)
            sessions = await self._begin(sender)
            async with asyncio.TaskGroup() as clients:
                for number in range(_COMMAND_CLIENTS):
                    clients.create_task(command_client(sender, number))
                for session in sessions:
                    clients.create_task(oscp_client(sender, session))
                clients.create_task(scenario_client(sender, _SCENARIO))
                for _ in range(kills):
                    await self._kill()
                await self._load()
                sender.stopping.set()
            return await self._compare(sender, sessions)

    async def _begin(self, sender: Sender) -> list[Session]:
        """A run that follows wall time at 20 ticks a second, its feed, and sessions that are online."""
        configuration = await sender.post("/simulation-configurations", microgrid())
        run = {"configuration_id": configuration["id"], "run_id": "kills", "tick": "1 s", "clock": {"speed": "20"}}
        await sender.post("/simulation-runs", run)
        feed = {"binding_id": BINDING, "managed_scope_id": "site", "endpoint": self._platform.url}
        await sender.post(f"{RUN}/packet-feeds", feed)
        return [await self._attach(sender, f"configuration-{number}") for number in range(_OSCP_CLIENTS)]

    async def _attach(self, sender: Sender, configuration_id: str) -> Session:
        """A session that never calls its partner."""
        asked = {
            "managed_scope_id": "site",
            "betterfleet_base_url": NOWHERE,
            "remote_configuration_id": configuration_id,
            "group_id": "group-1",
            "policy": {"stale": "indeterminate", "heartbeat_interval_ms": int(self._part.interval_s * 1_000)},
        }
        session_id = (await sender.post(f"{RUN}/oscp-sessions", asked))["session_id"]
        session = Session(f"{RUN}/oscp-sessions/{session_id}", session_id, configuration_id, self._part.alive_s)
        await sender.post(f"{session.path}/commands/switch-heartbeats", {"sending": False})
        await put_online(sender, session)
        return session

    async def _kill(self) -> None:
        """End the process at a random moment, and start the next one."""
        if self._chance.random() < _WHILE_STARTING:
            await asyncio.sleep(self._chance.uniform(0, _MOST_START_S))
        else:
            await self._load()
        await asyncio.to_thread(self.service.kill)
        self.service.start()

    async def _load(self) -> None:
        """Until the service has answered a random number of requests, or has ended by itself."""
        wanted = self._records.count + self._chance.randint(1, _MOST_ANSWERS)
        async with asyncio.timeout(patient(120)):
            if await asyncio.to_thread(self.service.wait):
                while self.service.runs and self._records.count < wanted:
                    await self._records.wait_for_more(1)
        await asyncio.sleep(self._chance.uniform(0, 0.05))

    async def _compare(self, sender: Sender, sessions: list[Session]) -> Faults:
        """Stop the run, wait until its last packets are delivered, and compare everything."""
        for session in sessions:
            await sender.read(session.path, lambda found: found["state"] == self._part.lifecycle)
        await sender.post(f"{RUN}/commands/stop", {})
        feed = f"{RUN}/packet-feeds/{BINDING}"
        await sender.read(feed, lambda found: found["status"] == "CLOSED" and not found.get("undelivered"))
        events = await sender.lines("/events")
        await asyncio.to_thread(self.service.stop)
        return check(self._records, events, list(self._platform.packets))
