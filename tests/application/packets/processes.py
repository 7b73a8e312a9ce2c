"""A process that keeps packet feeds, with a platform that answers as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from depot_sim.adapters.event_store import EventStore
from depot_sim.adapters.http import Secrets
from depot_sim.adapters.packets import ProfileLibrary
from depot_sim.application.http import HttpResult, Outgoing
from depot_sim.application.packets.feeds import PacketFeeds
from depot_sim.application.packets.requests import OpenPacketFeed
from depot_sim.application.packets.run_feeds import FeedDependencies
from depot_sim.application.packets.service import PacketService
from depot_sim.application.packets.supervisor import FeedSupervisor
from depot_sim.application.packets.time import FeedTime
from depot_sim.application.run.outcome import Outcome
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.events import Event, decode
from depot_sim.domain.packets.events import FeedPolicy, SensorPacketPublished
from depot_sim.domain.packets.feed import PacketFeed, stream_of
from tests.application.run.processes import ALICE, FakeClock, Process
from tests.domain.configuration.samples import depot
from tests.patience import patient

BINDING = "packets"
"""The sample depot's own."""
CONNECTED = Definition.of(depot(("/projection_bindings/1/endpoint", "https://platform.example/packets")))
"""The sample depot, whose feed opens by itself."""
_GATHER_US = 50_000


class Platform:
    """Answers 204, unless told otherwise by `answers`, one each, or `answer`; `hold` keeps everybody waiting."""

    def __init__(self) -> None:
        self.received: list[Outgoing] = []
        self.answers: list[HttpResult] = []
        self.answer = HttpResult(204)
        self.under_way = 0
        self.most_under_way = 0
        self._open = asyncio.Event()
        self._open.set()

    async def post(self, outgoing: Outgoing) -> HttpResult:
        self.received.append(outgoing)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self._open.wait()
        finally:
            self.under_way -= 1
        return self.answers.pop(0) if self.answers else self.answer

    def hold(self) -> None:
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def seqs(self) -> dict[str, list[int]]:
        """The numbers of each device's packets as they came."""
        found: dict[str, list[int]] = {}
        for outgoing in self.received:
            packet = msgspec.json.decode(outgoing.body)
            found.setdefault(packet["deviceId"], []).append(packet["seq"])
        return found


class PacketProcess(Process):
    """One owner of runs and of their feeds."""

    def __init__(self, store: EventStore, clock: FakeClock, owner: str, platform: Platform) -> None:
        super().__init__(store, clock, owner)
        self.platform = platform
        time = FeedTime(self.host, clock)
        self.feeds = PacketFeeds(store.log, self.journal, self.host, time)
        dependencies = FeedDependencies(
            log=store.log,
            runs=self.live,
            feeds=self.feeds,
            library=ProfileLibrary(),
            secrets=Secrets(),
            commands=self.runs,
            partner=platform,
            clock=clock,
            time=time,
            under_way=self.under_way,
        )
        self.supervisor = FeedSupervisor(self.host, dependencies, self.timers)
        self.packets = PacketService(store.log, self.feeds, self.supervisor, self.live)

    async def start(self, run_id: str = "r", *, definition: Definition = CONNECTED, **changes: Any) -> Outcome:
        return await super().start(run_id, definition=definition, **changes)

    async def open(self, binding_id: str = "iot", **changes: Any) -> None:
        asked: dict[str, Any] = {"managed_scope_id": "site", "endpoint": "http://platform/packets"}
        await self.packets.open_feed("r", OpenPacketFeed(binding_id=binding_id, **asked | changes), ALICE)

    def feed_events(self, binding_id: str = BINDING) -> list[Event]:
        return [decode(row.topic, row.state) for row in self.store.log.read_stream(stream_of("r", binding_id))]

    def published(self, binding_id: str = BINDING) -> dict[str, list[int]]:
        """The numbers of each device's packets that are in the log."""
        found: dict[str, list[int]] = {}
        for event in self.feed_events(binding_id):
            if isinstance(event, SensorPacketPublished):
                found.setdefault(event.device_id, []).append(event.seq)
        return found

    def stored(self, binding_id: str = BINDING) -> PacketFeed:
        """The feed as the log tells it."""
        feed = PacketFeed("r", binding_id)
        feed.fold(self.feed_events(binding_id))
        return feed

    def is_delivered(self, binding_id: str = BINDING) -> bool:
        """All that the log knows of has arrived, and the log knows that."""
        state = self.stored(binding_id).state
        return state.published > 0 and not state.waiting

    async def until(self, reached: Callable[[], object]) -> None:
        """Let short waits pass until it holds; nobody waits for more than a moment by itself."""
        async with asyncio.timeout(patient(60)):
            while not reached():
                self.clock.advance(_GATHER_US)
                await asyncio.sleep(0.001)

    async def close(self) -> None:
        await self.supervisor.stop()
        await self.host.endings.release_all()
        await super().close()


QUICK = FeedPolicy(retry_base_ms=100, retry_cap_ms=100)
