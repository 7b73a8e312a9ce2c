"""Packet feeds as targets of scenario control."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from depot_sim.application.packets.feeds import PacketFeeds
from depot_sim.application.packets.supervisor import FeedSupervisor
from depot_sim.application.packets.time import FeedTime
from depot_sim.application.repository import Origin
from depot_sim.application.scenario.control import Target
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.interaction.expectations import Expectations
from depot_sim.domain.interaction.family import Family
from depot_sim.domain.interaction.overrides import Overrides
from depot_sim.domain.packets.feed import stream_of
from depot_sim.domain.packets.named_faults import PACKETS

T = TypeVar("T")


class FeedTarget(NamedTuple):
    """What another process forces on a feed and expects of it, as the log has it."""

    overrides: Overrides
    expectations: Expectations


class FeedTargets:
    """By binding id. Only the process that holds the run changes anything."""

    family: Family = PACKETS

    def __init__(self, feeds: PacketFeeds, keeper: FeedSupervisor, time: FeedTime) -> None:
        self._feeds = feeds
        self._keeper = keeper
        self._time = time

    async def find(self, run_id: str, name: str) -> Target:
        hosted = self._feeds.hosted(stream_of(run_id, name))
        if hosted is not None:
            return hosted
        feed = await self._feeds.read(run_id, name)
        target = FeedTarget(Overrides(feed.id), Expectations(feed.id))
        for aggregate in target:
            await self._feeds.fold(aggregate)
        return target

    async def decide(self, run_id: str, name: str, decision: Callable[[Target, Moment], T], origin: Origin) -> T:
        await self.find(run_id, name)
        kept = await self._keeper.kept(run_id)
        return await kept.decide(name, lambda hosted, now: decision(hosted, self._time.at(now)), origin)

    def changed(self, run_id: str, name: str) -> asyncio.Event:
        return self._feeds.changed(stream_of(run_id, name))
