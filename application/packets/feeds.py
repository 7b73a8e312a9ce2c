"""The packet feeds this process writes, under the fence of their run's lease.

Nobody else may write them. A decision is made between two events of the run, by the RunFeeds that writes the feed; an
append that fails means that this process is behind, and the feeds of the run begin again from the log.
"""

from __future__ import annotations

from typing import ClassVar

from depot_sim.application.channels.store import ChannelStore
from depot_sim.application.event_log import EventLog, Fence, Journal
from depot_sim.application.packets.hosted import FeedKey, HostedFeed
from depot_sim.application.packets.time import FeedTime
from depot_sim.application.repository import brought_up
from depot_sim.application.runtime import HeldRuns
from depot_sim.application.snapshots import Snapshots
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.packets.directory import FeedDirectory
from depot_sim.domain.packets.state import FeedState

SNAPSHOT_EVERY = 10_000
"""Events between two snapshots of a feed."""
_SNAPSHOT_FORMAT = 1


class PacketFeeds(ChannelStore[FeedKey, HostedFeed]):
    """By run and binding, whose id is the name of a feed in its run."""

    NOUN: ClassVar[str] = "packet feed"

    def __init__(self, log: EventLog, journal: Journal, host: HeldRuns, time: FeedTime) -> None:
        super().__init__(log, journal, host, Snapshots(log, FeedState, _SNAPSHOT_FORMAT, SNAPSHOT_EVERY))
        self._time = time

    async def new(self, key: FeedKey) -> HostedFeed:
        return HostedFeed(key, self._time)

    async def moment(self, channel: HostedFeed) -> Moment:
        return channel.moment()

    async def find(self, run_id: str, name: str) -> HostedFeed:
        """As it is written here, or else as the log has it."""
        key = FeedKey(run_id, name)
        hosted = self.peek(key)
        if hosted is None:
            hosted = await self.load(key)
        if not hosted.feed.version:
            raise self.unknown(run_id, name)
        return hosted

    async def names(self, run_id: str) -> list[str]:
        """Of every feed the run ever had."""
        return (await self.directory(run_id)).binding_ids

    async def directory(self, run_id: str) -> FeedDirectory:
        return await brought_up(self._log, FeedDirectory(run_id))

    async def host(self, key: FeedKey, fence: Fence) -> HostedFeed:
        """Load a feed, new or not, to be written under the fence."""
        self.forget(key)
        hosted = await self.load(key)
        hosted.fence = fence
        self.keep(hosted)
        return hosted
