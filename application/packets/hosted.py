"""A feed as the process has it that holds its run: a channel with the packets that are to be delivered.

Publications are treated by the run's own time, so that equal runs are treated alike. What depends on the network, an
outage that is still on and what the platform answers, decides about deliveries and verdicts only. Both are judged by
how far the feed has seen its run: a run moved by hand may be hours ahead of what has been published.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence, Set
from typing import NamedTuple

from depot_sim.application.channels.channel import Channel, Deadline
from depot_sim.application.packets.time import FeedTime
from depot_sim.domain.interaction.effects import Distort, Distortion
from depot_sim.domain.interaction.expectation_events import Clock, Expectation, Moment
from depot_sim.domain.interaction.message import ObservedMessage
from depot_sim.domain.interaction.override_events import Override
from depot_sim.domain.interaction.treatment import treatment
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.packets.delivery import Attempt
from depot_sim.domain.packets.device import BoundKey
from depot_sim.domain.packets.events import SensorPacketPublished
from depot_sim.domain.packets.feed import PacketFeed
from depot_sim.domain.packets.observed import (
    DEVICE_HEADERS,
    SENT,
    WITHHELD,
    answer_exchange,
    outcome_of,
    packet_exchange,
)
from depot_sim.domain.packets.packet import Packet
from depot_sim.domain.packets.treating import Treated, outage_over, treat
from depot_sim.domain.packets.vocabulary import PacketType

_KEPT_PACKETS = 20_000
ENDED = "the feed has ended"


class FeedKey(NamedTuple):
    run_id: str
    binding_id: str


class HostedFeed(Channel[FeedKey]):
    """Only packets up to version `durable` may be sent.

    `watched_to` tells how far whoever shows the run to the feed has come (logical ms), None where nobody does.
    """

    def __init__(self, key: FeedKey, time: FeedTime) -> None:
        self.feed = PacketFeed(*key)
        super().__init__(key, key.run_id, self.feed.id, self.feed)
        self._time = time
        self.watched_to: Callable[[], int | None] = lambda: None
        self._packets: OrderedDict[int, SensorPacketPublished] = OrderedDict()
        self._devices: list[str] = []

    @property
    def is_done(self) -> bool:
        """Nothing is left to publish or to deliver, and all of that is in the log."""
        return self.feed.is_done and not self.feed.pending and self.durable >= self.feed.version

    @property
    def is_settled(self) -> bool:
        """Nothing is forced on it any more, and nothing expected of it."""
        return not self.overrides.active and not self.expectations.waiting

    def moment(self) -> Moment:
        """How far the feed has seen its run. Verdicts and outages are judged by this, never by the run's present."""
        watched_to, seen = self.watched_to(), self.feed.state.at
        return self._time.at(seen if watched_to is None else max(seen, self.feed.opened.started_at + watched_to))

    def deadlines(self) -> Iterator[Deadline]:
        has_ended = not self.feed.is_open and self.overrides.active
        if has_ended or (self.feed.is_done and self.expectations.waiting):
            yield Clock.TARGET, 0
        yield from super().deadlines()

    def settle(self, moment: Moment) -> None:
        """Overrides end with the feed, too, and expectations once all of it has arrived."""
        super().settle(moment)
        if not self.feed.is_open:
            self.overrides.clear_all(moment.target)
        if self.feed.is_done:
            self.expectations.retire_all(ENDED, moment)

    def unmeetable(self, expectation: Expectation) -> str:
        return ENDED if self.feed.is_done else super().unmeetable(expectation)

    # Its overrides and expectations, and its packets

    def inert(self, override: Override) -> str:
        of_devices = [one for one in override.match.where if one.header in DEVICE_HEADERS]
        if not any(all(one.holds(device) for one in of_devices) for device in self._devices_observed()):
            wanted = " and ".join(f"{one.header} {one.expected}" for one in of_devices)
            return f"no packet matches: no device of the feed has {wanted}"
        effect = override.effect
        if not isinstance(effect, Distort) or not effect.keys or effect.how is Distortion.EXTRA:
            return ""
        keys = [key for device in self.feed.opened.devices for key in device.keys]
        bound = {name.casefold() for key in keys for name in (key.measurand, key.key)}
        if any(key.casefold() in bound for key in effect.keys):
            return ""
        return f"no packet changes: no device of the feed sends {' or '.join(effect.keys)}"

    def treat(self, packet: Packet, body: bytes, keys: Sequence[BoundKey]) -> Treated:
        """What becomes of a packet that is about to be published: a function of the run's time and the overrides."""
        exchange = packet_exchange(packet, body, self.id, packet.sent_at)
        self.overrides.expire(packet.sent_at)
        hits = self.overrides.hit(exchange, packet.sent_at)
        treated = treat(packet, body, treatment(hits), self.feed.state.memory, self.feed.profile.encode, keys)
        if hits:
            exchange = packet_exchange(treated.packet, treated.body, self.id, packet.sent_at)
        outcome = WITHHELD if treated.withheld else SENT
        self.expectations.observe(exchange, outcome, self._time.at(exchange.at))
        return treated

    def _devices_observed(self) -> Iterator[ObservedMessage]:
        """What every packet of a device says of it, device by device."""
        for device in self.feed.opened.devices:
            packet = Packet(
                type=PacketType.TELEMETRY,
                device_id=device.id,
                device_type=device.type,
                seq=0,
                packet_id="",
                site_id="",
                scope_id=device.node,
                sent_at=0,
            )
            yield packet_exchange(packet, b"", self.id, 0)

    def held_back(self, packet: SensorPacketPublished) -> Attempt | None:
        """What comes of an attempt to deliver the packet while an outage is in force; None while there is none."""
        if not self.overrides.active:
            return None
        exchange = packet_exchange(packet.told(self.feed.opened.site_id), packet.bytes_sent, self.id, packet.at)
        outage = outage_over(self.overrides, exchange, self.moment().target)
        if not outage:
            return None
        name = self.overrides.active[outage].override.name
        return Attempt(0, error=f"the network is down, by override {name}", held_by=outage)

    def answered(self, packet: SensorPacketPublished, number: int, attempt: Attempt) -> None:
        """Note what the platform answered to the packet's attempt of this number; a status of 0 is no answer."""
        if not attempt.status:
            return
        moment = self.moment()
        exchange = answer_exchange(
            packet=packet.told(self.feed.opened.site_id),
            attempt=number,
            status=attempt.status,
            body=attempt.answer.encode(),
            target=self.id,
            at=moment.target,
            headers=attempt.answer_headers,
        )
        self.expectations.observe(exchange, outcome_of(attempt.status), moment)

    # Its packets, until they are delivered

    def left_to_deliver(self, until: int, overrides: Set[str]) -> int:
        """How many packets wait to be sent at devices with one published up to then, unless `overrides` keep it back.

        One more while what became of packets is being saved.
        """
        held = frozenset(self.devices_held_by(overrides))
        due = (device for device, packet in self._next() if packet is None or packet.at <= until)
        return sum(len(self.feed.backlog(device)) for device in due if device not in held) + bool(self.feed.pending)

    def devices_held_by(self, overrides: Set[str]) -> Iterator[str]:
        """Devices whose next packet one of the `overrides` keeps back, and so all behind it."""
        for device, packet in self._next():
            attempt = None if packet is None else self.held_back(packet)
            if attempt is not None and attempt.held_by in overrides:
                yield device

    def _next(self) -> Iterator[tuple[str, SensorPacketPublished | None]]:
        """The next packet of each device that has one to send; None for one that is no longer at hand."""
        feed = self.feed
        return ((device, self.packet_at(feed.backlog(device)[0].version)) for device in feed.waiting_devices())

    def saved(self, events: Sequence[Event], first_version: int) -> None:
        self._devices += self.keep_packets(events, first_version)

    def take_devices(self) -> list[str]:
        """The devices whose packets have been saved since this was last asked."""
        devices, self._devices = self._devices, []
        return devices

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
