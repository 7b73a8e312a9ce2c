"""Which runs' feeds this process keeps: those of the runs it holds, and of stopped ones until they are done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from depot_sim.application.event_log import Fence
from depot_sim.application.packets.hosted import FeedKey, HostedFeed
from depot_sim.application.packets.run_feeds import FeedDependencies, RunFeeds
from depot_sim.application.repository import Origin
from depot_sim.application.run.host import HeldRun, RunHost
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.kernel.errors import LeaseLost, RunHeldElsewhere
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.events import ResumeReason

T = TypeVar("T")


class FeedSupervisor:
    """Begins with every run that is held. `rest` is to be called before the runs are given back."""

    def __init__(self, host: RunHost, means: FeedDependencies) -> None:
        self._host = host
        self._means = means
        self._kept: dict[str, RunFeeds] = {}
        host.on_held.append(self._held)
        host.on_dropped.append(self._give_up)
        host.on_saved.append(self._saved)
        host.endings.aftermath = self._finish
        means.feeds.on_change.append(self._changed)

    async def kept(self, run_id: str) -> RunFeeds:
        """The run's feeds, to be changed; it is taken over first if nobody holds it.

        Raises RunHeldElsewhere, NotFound for an unknown run, CommandRefused for one that is stopped.
        """
        kept = self._kept.get(run_id)
        if kept is None or self._host.held(run_id) is None:
            await self._host.adopt(run_id, ResumeReason.TAKEOVER)
            kept = self._kept.get(run_id)
        if kept is None:
            raise RunHeldElsewhere(run_id, "another process, or nobody")
        return kept

    async def decide(
        self, key: FeedKey, decision: Callable[[HostedFeed, Moment], T], *, origin: Origin | None = None
    ) -> T:
        """Let `decision` change what is forced on a feed and expected of it, between two events of its run.

        Raises as `kept`.
        """
        return await (await self.kept(key.run_id)).decide(key.binding_id, decision, origin)

    def kept_now(self, run_id: str) -> RunFeeds | None:
        """The run's feeds, if they are kept here at present."""
        return self._kept.get(run_id)

    async def rest(self) -> None:
        """Stop all, and keep what is known of deliveries."""
        kept = list(self._kept.values())
        self._kept.clear()
        await asyncio.gather(*(run.rest() for run in kept), return_exceptions=True)

    def _held(self, _: str, held: HeldRun) -> None:
        self._begin(held.run, held.writer.fence)

    def _begin(self, run: SimulationRun, fence: Fence) -> RunFeeds:
        self._give_up(run.run_id)
        kept = self._kept[run.run_id] = RunFeeds(run.run_id, run.depot.document, fence, self._means)
        return kept

    def _give_up(self, run_id: str) -> None:
        kept = self._kept.pop(run_id, None)
        if kept is not None:
            kept.abandon()

    def _saved(self, run_id: str, version: int, events: Sequence[Event]) -> None:
        kept = self._kept.get(run_id)
        if kept is not None:
            kept.saved(version, events)

    def _changed(self, hosted: HostedFeed) -> None:
        kept = self._kept.get(hosted.run_id)
        if kept is not None:
            kept.changed(hosted)

    async def _finish(self, run: SimulationRun, fence: Fence) -> None:
        """Publish and deliver what is left of a stopped run's packets."""
        kept = self._kept.get(run.run_id)
        if kept is None or kept.fence != fence:
            kept = self._begin(run, fence)
        resting = asyncio.create_task(kept.rested.wait())
        try:
            await asyncio.wait((resting, kept.task), return_when=asyncio.FIRST_COMPLETED)
            if not kept.rested.is_set():
                raise LeaseLost(run.run_id, fence.token)
        finally:
            resting.cancel()
            self._give_up(run.run_id)
