"""A feed as the process has it that holds its run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from depot_sim.application.event_log import Fence
from depot_sim.domain.interaction.expectations import Expectations
from depot_sim.domain.interaction.overrides import Overrides
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.packets.events import SensorPacketPublished
from depot_sim.domain.packets.feed import PacketFeed

_KEPT_PACKETS = 20_000


class HostedFeed:
    """The feed, what is forced on it and what is expected of it. Not to be used any more once `dropped`.

    `durable` is the version up to which the feed is in the log: only packets up to it may be sent.
    """

    __slots__ = ("_packets", "dropped", "durable", "expectations", "feed", "fence", "overrides")

    def __init__(self, feed: PacketFeed, overrides: Overrides, expectations: Expectations, fence: Fence) -> None:
        self.feed = feed
        self.overrides = overrides
        self.expectations = expectations
        self.fence = fence
        self.durable = feed.version
        self.dropped = False
        self._packets: OrderedDict[int, SensorPacketPublished] = OrderedDict()

    @property
    def id(self) -> str:
        return self.feed.id

    @property
    def versions(self) -> tuple[int, int, int]:
        """Of the feed, its overrides and its expectations."""
        return self.feed.version, self.overrides.version, self.expectations.version

    @property
    def is_done(self) -> bool:
        """Nothing is left to publish or to deliver, and all of that is in the log."""
        return self.feed.is_done and not self.feed.pending and self.durable >= self.feed.version

    @property
    def is_settled(self) -> bool:
        """Nothing is forced on it any more, and nothing expected of it."""
        return not self.overrides.active and not self.expectations.waiting

    def keep_packets(self, events: Sequence[Event], first_version: int) -> list[str]:
        """Have what was published at hand for its delivery, but for the oldest; the devices it is of."""
        devices = []
        for version, event in enumerate(events, first_version):
            if isinstance(event, SensorPacketPublished):
                self._packets[version] = event
                devices.append(event.device_id)
        while len(self._packets) > _KEPT_PACKETS:
            self._packets.popitem(last=False)
        return devices

    def packet_at(self, version: int) -> SensorPacketPublished | None:
        """The publication with this version, if it is at hand; a delivered one is let go of."""
        return self._packets.get(version)

    def let_go(self, version: int) -> None:
        self._packets.pop(version, None)
