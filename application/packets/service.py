"""What an operator or a test asks of a run's packet feeds."""

from __future__ import annotations

import asyncio

from depot_sim.application.event_log import EventLog, Row
from depot_sim.application.packets.feeds import PacketFeeds
from depot_sim.application.packets.requests import OpenPacketFeed, ResendPacket
from depot_sim.application.packets.supervisor import FeedSupervisor
from depot_sim.application.packets.views import DeviceView, FeedView, device_views, feed_view
from depot_sim.application.repository import Origin
from depot_sim.application.runtime import CommittedRuns
from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.kernel.events import decode
from depot_sim.domain.packets.events import SensorPacketPublished
from depot_sim.domain.packets.feed import stream_of

_PAGE = 2_000
CLOSED = "closed by an operator"


class PacketService:
    """Every method is one use case. Raises the errors of domain/kernel/errors.py; a refused request leaves no trace."""

    def __init__(self, log: EventLog, feeds: PacketFeeds, supervisor: FeedSupervisor, runs: CommittedRuns) -> None:
        self._log = log
        self._feeds = feeds
        self._supervisor = supervisor
        self._runs = runs

    async def open_feed(self, run_id: str, request: OpenPacketFeed, origin: Origin) -> FeedView:
        """Let the run's devices send packets, from its present on. Raises Conflict while there is such a feed."""
        run_feeds = await self._supervisor.writable(run_id)
        await run_feeds.open(request, origin)
        return await self.feed(run_id, request.binding_id)

    async def feeds(self, run_id: str) -> list[FeedView]:
        """Every feed the run has or had. Raises NotFound for an unknown run."""
        await self._wait_until_loaded(run_id)
        return [feed_view((await self._feeds.find(run_id, name)).feed) for name in await self._feeds.names(run_id)]

    async def feed(self, run_id: str, binding_id: str) -> FeedView:
        await self._wait_until_loaded(run_id)
        return feed_view((await self._feeds.find(run_id, binding_id)).feed)

    async def devices(self, run_id: str, binding_id: str) -> list[DeviceView]:
        """In the order they look at the world."""
        await self._wait_until_loaded(run_id)
        return device_views((await self._feeds.find(run_id, binding_id)).feed)

    async def close_feed(self, run_id: str, binding_id: str, origin: Origin) -> FeedView:
        """Let every device say its last; what is undelivered still is delivered. The feed may be opened again."""
        await self.feed(run_id, binding_id)
        run_feeds = await self._supervisor.writable(run_id)
        await run_feeds.close(binding_id, CLOSED, origin)
        return await self.feed(run_id, binding_id)

    async def resend(self, run_id: str, binding_id: str, request: ResendPacket, origin: Origin) -> FeedView:
        """Send a packet once more, the same to the byte. Raises Conflict while it is still to be delivered."""
        await self.feed(run_id, binding_id)
        run_feeds = await self._supervisor.writable(run_id)
        row, packet = await asyncio.to_thread(self._find, stream_of(run_id, binding_id), request.packet_id)
        await run_feeds.queue_again(binding_id, packet, row.version, origin)
        return await self.feed(run_id, binding_id)

    async def _wait_until_loaded(self, run_id: str) -> None:
        """Make sure there is such a run, and that its own feeds are open if they are to be opened here."""
        await self._runs.get(run_id)
        run_feeds = self._supervisor.peek(run_id)
        if run_feeds is not None:
            await run_feeds.wait_until_loaded()

    def _find(self, stream: str, packet_id: str) -> tuple[Row, SensorPacketPublished]:
        """The newest publication with this id; a whole feed is looked through at worst."""
        sought, before = packet_id.encode(), None
        while rows := self._log.read_stream(stream, upto=before, limit=_PAGE, newest_first=True):
            for row in rows:
                if row.topic == SensorPacketPublished.TOPIC and sought in row.state:
                    event = decode(row.topic, row.state)
                    assert isinstance(event, SensorPacketPublished), "its topic says so"
                    if event.packet_id == packet_id:
                        return row, event
            before = rows[-1].version - 1
        raise NotFound(f"the feed has no packet {packet_id}", "list its packets to see their ids")
