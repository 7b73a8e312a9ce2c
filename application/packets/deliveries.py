"""What the feeds of a run still have to deliver, and which of their packets were not delivered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from depot_sim.application.channels.deliveries import Due
from depot_sim.application.event_log import EventLog
from depot_sim.application.packets.hosted import HostedFeed
from depot_sim.application.packets.supervisor import FeedSupervisor
from depot_sim.domain.kernel.address import masked_address
from depot_sim.domain.kernel.events import Event, decode
from depot_sim.domain.packets.events import FeedEvent
from depot_sim.domain.packets.undelivered import undelivered_packets

_PAGE = 2_000


class FeedDeliveries:
    """The `Deliveries` of packet feeds that this process writes."""

    def __init__(self, log: EventLog, supervisor: FeedSupervisor) -> None:
        self._log = log
        self._supervisor = supervisor

    async def wait_until_open(self, run_id: str) -> None:
        run_feeds = self._supervisor.peek(run_id)
        if run_feeds is not None:
            await run_feeds.wait_until_loaded()

    def concern(self, run_id: str) -> bool:
        return bool(self._opened(run_id))

    async def left(self, due: Due) -> int:
        run_feeds = self._supervisor.peek(due.run_id)
        if run_feeds is None:
            return 0
        await run_feeds.catch_up()
        return sum(
            hosted.left_to_deliver(_started_at(hosted) + due.until, due.overrides) for hosted in run_feeds.opened
        )

    async def undelivered(self, due: Due) -> Sequence[str]:
        return [
            masked_address(f"feed {hosted.feed.binding_id}: {sentence}")
            for hosted in self._opened(due.run_id)
            for sentence in await self._undelivered(hosted, due)
        ]

    async def _undelivered(self, hosted: HostedFeed, due: Due) -> Sequence[str]:
        since, until = _started_at(hosted) + due.since, _started_at(hosted) + due.until
        held_devices = frozenset(hosted.devices_held_by(due.overrides))
        events = await asyncio.to_thread(self._events_since, hosted.feed.stream, since)
        return undelivered_packets(events, since, until, due.overrides, held_devices)

    def _events_since(self, stream: str, since: int) -> list[Event]:
        """The oldest first. Events of a feed are in the order of their moments."""
        found: list[Event] = []
        for event in self._newest_first(stream):
            if isinstance(event, FeedEvent) and event.at < since:
                break
            found.append(event)
        return found[::-1]

    def _newest_first(self, stream: str) -> Iterator[Event]:
        before = None
        while rows := self._log.read_stream(stream, upto=before, limit=_PAGE, newest_first=True):
            yield from (decode(row.topic, row.state) for row in rows)
            before = rows[-1].version - 1

    def _opened(self, run_id: str) -> Sequence[HostedFeed]:
        run_feeds = self._supervisor.peek(run_id)
        return () if run_feeds is None else run_feeds.opened


def _started_at(hosted: HostedFeed) -> int:
    return hosted.feed.opened.started_at
