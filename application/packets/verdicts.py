"""Verdicts in time: overrides end and expectations are settled when their moment comes, though nothing is published."""

from __future__ import annotations

import logging

from depot_sim.application.clock import Clock
from depot_sim.application.packets.feeds import PacketFeeds
from depot_sim.application.packets.hosted import HostedFeed
from depot_sim.application.packets.supervisor import FeedSupervisor
from depot_sim.application.packets.time import FeedTime
from depot_sim.domain.kernel.errors import DepotSimError

_log = logging.getLogger("depot_sim.packets")

_LOOK_EVERY_US = 200_000


class Verdicts:
    """Looks at the feeds of the runs this process holds."""

    def __init__(self, feeds: PacketFeeds, keeper: FeedSupervisor, time: FeedTime, clock: Clock) -> None:
        self._feeds = feeds
        self._keeper = keeper
        self._time = time
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep_us(_LOOK_EVERY_US)
            for hosted in self._feeds.loaded():
                if self._is_due(hosted):
                    await self._settle(hosted)

    def _is_due(self, hosted: HostedFeed) -> bool:
        """Something has to be settled by now, by the run's own time or by the wall's."""
        ends, deadlines = hosted.overrides.next_deadline(), hosted.expectations.next_deadline()
        if ends is None and not deadlines:
            return False
        moment = self._time.moment(hosted)
        is_over = any(deadline <= moment.on(clock) for clock, deadline in deadlines.items())
        return is_over or not hosted.feed.is_open or (ends is not None and ends <= moment.target)

    async def _settle(self, hosted: HostedFeed) -> None:
        """What the feed has not seen yet comes first: a verdict is about all that was sent before it."""
        opened = hosted.feed.opened
        kept = self._keeper.kept_now(opened.run_id)
        if kept is None:
            return
        try:
            await kept.decide(opened.binding_id, HostedFeed.settle)
        except DepotSimError as error:
            _log.warning("verdicts put off: %s", error.detail, extra={"feed_id": hosted.id})
