"""The feeds that this process writes: those of the runs it holds, and of stopped ones until they are done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from depot_sim.application.channels.background import Background
from depot_sim.application.channels.timers import ChannelTimers, Timers
from depot_sim.application.event_log import Fence
from depot_sim.application.packets.hosted import FeedKey, HostedFeed
from depot_sim.application.packets.run_feeds import FeedDependencies, RunFeeds
from depot_sim.application.repository import Origin
from depot_sim.application.runtime import HeldRuns
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.kernel.errors import DepotSimError, LeaseLost, RunHeldElsewhere
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.events import ResumeReason

T = TypeVar("T")

_log = logging.getLogger("depot_sim.packets")


class FeedSupervisor:
    """Begins with every run that is held. `rest` is to be called before the runs are given back.

    Overrides of feeds end, and expectations get their verdicts, when their moment comes, though nothing is published.
    """

    def __init__(self, host: HeldRuns, dependencies: FeedDependencies, timers: Timers) -> None:
        self._host = host
        self._dependencies = dependencies
        self._written: dict[str, RunFeeds] = {}
        self._background = Background(_log)
        self._due = ChannelTimers(
            timers, host, dependencies.feeds, moment=self._moment, deadlines=HostedFeed.deadlines, ring=self._ring
        )
        host.on_held.append(self._take_up)
        host.on_dropped.append(self._give_up)
        host.on_saved.append(self._saved)
        host.aftermaths.append(self._finish)
        dependencies.under_way.followers.append(self._has_feeds)
        dependencies.feeds.on_change.append(self._changed)

    async def writable(self, run_id: str) -> RunFeeds:
        """The run's feeds, to be changed; it is taken over first if nobody holds it.

        Raises RunHeldElsewhere, NotFound for an unknown run, CommandRefused for one that is stopped.
        """
        run_feeds = self._written.get(run_id)
        if run_feeds is None or self._host.held(run_id) is None:
            await self._host.adopt(run_id, ResumeReason.TAKEOVER)
            run_feeds = self._written.get(run_id)
        if run_feeds is None:
            raise RunHeldElsewhere(run_id, "")
        return run_feeds

    async def decide(
        self, key: FeedKey, decision: Callable[[HostedFeed, Moment], T], *, origin: Origin | None = None
    ) -> T:
        """Let `decision` change what is forced on a feed and expected of it, between two events of its run.

        Raises as `writable`.
        """
        return await (await self.writable(key.run_id)).decide(key.binding_id, decision, origin)

    def peek(self, run_id: str) -> RunFeeds | None:
        """The run's feeds, if this process writes them at present."""
        return self._written.get(run_id)

    def _has_feeds(self, run_id: str) -> bool:
        run_feeds = self._written.get(run_id)
        return run_feeds is not None and not run_feeds.idle.is_set()

    async def stop(self) -> None:
        """Stop all, and save what is known of deliveries."""
        await self._background.stop()
        run_feeds = list(self._written.values())
        self._written.clear()
        await asyncio.gather(*(run.stop() for run in run_feeds), return_exceptions=True)

    def _take_up(self, run_id: str) -> None:
        held = self._host.held(run_id)
        if held is not None:
            self._begin(held.run, held.fence)

    def _begin(self, run: SimulationRun, fence: Fence) -> RunFeeds:
        self._give_up(run.run_id)
        run_feeds = self._written[run.run_id] = RunFeeds(run.run_id, run.depot.document, fence, self._dependencies)
        return run_feeds

    def _give_up(self, run_id: str) -> None:
        run_feeds = self._written.pop(run_id, None)
        if run_feeds is not None:
            self._due.leave(run_id)
            run_feeds.abandon()

    def _saved(self, run_id: str, version: int, events: Sequence[Event]) -> None:
        run_feeds = self._written.get(run_id)
        if run_feeds is not None:
            run_feeds.saved(version, events)

    def _changed(self, hosted: HostedFeed) -> None:
        run_feeds = self._written.get(hosted.run_id)
        if run_feeds is not None:
            run_feeds.changed(hosted)

    def _moment(self, hosted: HostedFeed) -> Moment | None:
        is_served = hosted.run_id in self._written and hosted.feed.state.opened is not None
        return self._dependencies.time.present(hosted.feed) if is_served else None

    def _ring(self, key: FeedKey) -> None:
        work = self._dependencies.under_way.work(key.run_id, key.binding_id)
        self._background.spawn(self._settle(key), work.begin())

    async def _settle(self, key: FeedKey) -> None:
        """What the feed has not seen yet comes first: a verdict is about all that was sent before it."""
        run_feeds = self._written.get(key.run_id)
        if run_feeds is None:
            return
        try:
            await run_feeds.decide(key.binding_id, HostedFeed.settle)
        except DepotSimError as error:
            _log.warning("verdicts not given yet: %s", error.detail, extra={"run_id": key.run_id})
            self._due.again(key)
            return
        self._due.look(key, was_tried=True)

    async def _finish(self, run: SimulationRun, fence: Fence) -> None:
        """Publish and deliver what is left of a stopped run's packets."""
        run_feeds = self._written.get(run.run_id)
        if run_feeds is None or run_feeds.fence != fence:
            run_feeds = self._begin(run, fence)
        going_idle = asyncio.create_task(run_feeds.idle.wait())
        try:
            await asyncio.wait((going_idle, run_feeds.task), return_when=asyncio.FIRST_COMPLETED)
            if not run_feeds.idle.is_set():
                raise LeaseLost(run.run_id, fence.token)
        finally:
            going_idle.cancel()
            self._give_up(run.run_id)
