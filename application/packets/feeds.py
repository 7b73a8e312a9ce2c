"""The feeds this process writes: loaded when their run is held, decided on in memory, appended under the run's fence.

Nobody else may write them, so an append that fails means that this process is behind: the feed is dropped and, if the
run is still held here, loaded again from the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from depot_sim.application.event_log import EventLog, Fence, Journal
from depot_sim.application.packets.hosted import HostedFeed
from depot_sim.application.repository import Origin, pending_append
from depot_sim.application.snapshots import Snapshots
from depot_sim.domain.interaction.expectations import Expectations
from depot_sim.domain.interaction.overrides import Overrides
from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.kernel.events import decode
from depot_sim.domain.packets.directory import FeedDirectory
from depot_sim.domain.packets.feed import PacketFeed
from depot_sim.domain.packets.state import FeedState

SNAPSHOT_EVERY = 10_000
"""Events between two snapshots of a feed."""
_SNAPSHOT_FORMAT = 1


class PacketFeeds:
    """Loads and saves feeds. Everyone in `on_saved` is told of a feed that moved, and of devices with new packets."""

    def __init__(self, log: EventLog, journal: Journal) -> None:
        self._log = log
        self._journal = journal
        self._snapshots = Snapshots(log, FeedState, _SNAPSHOT_FORMAT, SNAPSHOT_EVERY)
        self._hosted: dict[str, HostedFeed] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self.on_saved: list[Callable[[HostedFeed, Sequence[str]], None]] = []

    # Finding

    async def directory(self, run_id: str) -> FeedDirectory:
        """Every feed the run ever had."""
        directory = FeedDirectory(run_id)
        await self.fold(directory)
        return directory

    def hosted(self, feed_id: str) -> HostedFeed | None:
        return self._hosted.get(feed_id)

    def all_hosted(self) -> list[HostedFeed]:
        return list(self._hosted.values())

    async def read(self, run_id: str, binding_id: str) -> PacketFeed:
        """As it is here, or as the log has it; not to be changed. Raises NotFound."""
        feed = PacketFeed(run_id, binding_id)
        hosted = self._hosted.get(feed.id)
        if hosted is not None:
            return hosted.feed
        await self._load(feed)
        if not feed.version:
            raise NotFound(f"run {run_id} has no packet feed {binding_id}", "list its packet feeds to see their names")
        return feed

    async def host(self, run_id: str, binding_id: str, fence: Fence) -> HostedFeed:
        """Load a feed, new or not, to be written under the fence."""
        feed = PacketFeed(run_id, binding_id)
        await self._load(feed)
        overrides, expectations = Overrides(feed.id), Expectations(feed.id)
        for aggregate in (overrides, expectations):
            await self.fold(aggregate)
        hosted = self._hosted[feed.id] = HostedFeed(feed, overrides, expectations, fence)
        return hosted

    # Saving

    async def save(
        self, hosted: HostedFeed, others: Sequence[Aggregate[Any]] = (), origin: Origin | None = None
    ) -> None:
        """Append everything pending, all or nothing. After a failure the feed is dropped."""
        feed = hosted.feed
        fresh, reached = list(feed.pending), feed.version
        try:
            append = pending_append((*others, feed, hosted.overrides, hosted.expectations), origin, hosted.fence)
            if not append.writes:
                return
            snapshot = self._snapshots.take(feed) if fresh else None
            await self._journal.append(append)
        except BaseException:
            self.drop(hosted)
            raise
        hosted.durable = max(hosted.durable, reached)
        self._snapshots.keep(snapshot)
        self._has_moved(hosted, hosted.keep_packets(fresh, reached - len(fresh) + 1))

    def drop(self, hosted: HostedFeed) -> None:
        """Forget what is ahead of the log, or no longer ours."""
        hosted.dropped = True
        if self._hosted.get(hosted.id) is hosted:
            del self._hosted[hosted.id]

    def changed(self, feed_id: str) -> asyncio.Event:
        """Is set at the feed's next change that this process knows of."""
        return self._changed.setdefault(feed_id, asyncio.Event())

    def _has_moved(self, hosted: HostedFeed, devices: Sequence[str]) -> None:
        changed = self._changed.pop(hosted.id, None)
        if changed is not None:
            changed.set()
        for tell in self.on_saved:
            tell(hosted, devices)

    async def _load(self, feed: PacketFeed) -> None:
        await self._snapshots.restore(feed)
        await self.fold(feed)

    async def fold(self, aggregate: Aggregate[Any]) -> None:
        """Bring an aggregate up to its stream."""
        rows = await asyncio.to_thread(self._log.read_stream, aggregate.stream, after=aggregate.version)
        aggregate.fold(decode(row.topic, row.state) for row in rows)
