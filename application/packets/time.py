"""A feed's clock: the logical time of its run, in ms since 1970 UTC."""

from __future__ import annotations

from depot_sim.application.clock import Clock
from depot_sim.application.runtime import HeldRuns
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.packets.feed import PacketFeed


class FeedTime:
    def __init__(self, host: HeldRuns, clock: Clock) -> None:
        self._host = host
        self._clock = clock

    def present(self, feed: PacketFeed) -> Moment:
        """That of the run, which a feed may have yet to see; of a run that is not held, when the feed last saw it."""
        held = self._host.held(feed.run_id)
        return self.at(feed.opened.started_at + held.saved_at if held is not None else feed.state.at)

    def at(self, run_ms: int) -> Moment:
        """A moment of the run's, while it is what the wall's clock says."""
        return Moment(run_ms, self._clock.now_us() // 1_000, run_ms)
