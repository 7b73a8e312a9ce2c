"""Projector of `packets`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from depot_sim.application.event_log import Filter, Row
from depot_sim.domain.kernel.events import decode
from depot_sim.domain.packets.events import (
    DeliveryEvent,
    PacketDelivered,
    PacketDeliveryFailed,
    PacketDropped,
    PacketFeedOpened,
    PacketQueuedAgain,
    PacketRejected,
    SensorPacketPublished,
)
from depot_sim.projections.projector import Change, each, topics_of
from depot_sim.read_models.database import Database
from depot_sim.read_models.packets import packets
from depot_sim.read_models.packets.packets import LONGEST_KEY, Kind, StoredPacket, digest_of, kept

_SETTLED = {PacketDelivered: packets.DELIVERED, PacketRejected: packets.REJECTED}


class PacketsProjector:
    """A packet comes as it is published; what becomes of it follows, mostly in the same page."""

    model = packets.MODEL
    where = Filter(
        topics=topics_of(
            PacketFeedOpened,
            SensorPacketPublished,
            PacketDelivered,
            PacketRejected,
            PacketDeliveryFailed,
            PacketDropped,
            PacketQueuedAgain,
        )
    )

    def project(self, page: Sequence[Row], before: Database) -> Iterable[Change]:
        fold = _Fold(before)
        each(page, fold.take)
        return [
            Change(packets.FEEDS, fold.new_feeds),
            Change(packets.PACKETS, [packet.row() for packet in fold.new.values()]),
            Change(packets.PACKETS, [packet.row() for packet in fold.changed.values()], replace=True),
            Change(packets.PLACES, [(*name, packet.position) for name, packet in fold.new.items()]),
            Change(packets.KINDS, fold.new_kinds),
            Change(packets.KEYS, sorted(fold.new_keys)),
            Change(packets.READINGS, fold.readings),
            Change(packets.ATTEMPTS, fold.attempts),
        ]


_Name = tuple[int, str, int]
"""Of a packet: feed, device, sequence number."""


class _Fold:
    """`new` packets of the page, `changed` ones of earlier pages."""

    def __init__(self, before: Database) -> None:
        self.new_feeds: list[Sequence[object]] = []
        self.new: dict[_Name, StoredPacket] = {}
        self.changed: dict[_Name, StoredPacket] = {}
        self.new_kinds: list[Sequence[object]] = []
        self.new_keys: set[tuple[int, str, str]] = set()
        self.readings: list[Sequence[object]] = []
        self.attempts: list[Sequence[object]] = []
        self._feeds: dict[str, int | None] = {}
        self._numbers: dict[Kind, int] = {}
        self._kinds: dict[int, Kind] = {}
        self._newest: dict[tuple[int, str], int] = {}
        self._before = before

    def take(self, row: Row) -> None:
        match decode(row.topic, row.state):
            case PacketFeedOpened() as event:
                self._open(row, event)
            case SensorPacketPublished() as event:
                self._publish(row, event)
            case DeliveryEvent() as event:
                self._attempt(row, event)
            case PacketDropped() as event:
                packet = self._packet(row, event.device_id, event.seq)
                packet.error = kept(event.reason)
                self._settle(row, packet, packets.DROPPED)
            case PacketQueuedAgain() as event:
                self._settle(row, self._packet(row, event.device_id, event.seq), packets.PENDING)

    def _open(self, row: Row, event: PacketFeedOpened) -> None:
        if self._number(row.stream) is None:
            self._feeds[row.stream] = row.position
            self.new_feeds.append((row.position, row.stream, event.run_id, event.binding_id))

    def _publish(self, row: Row, event: SensorPacketPublished) -> None:
        feed = self._feed(row)
        delivery = packets.DROPPED if event.withheld else packets.PENDING
        keys = {kept(measured.key)[:LONGEST_KEY] for measured in event.measurements}
        kind = Kind(feed, event.type.value, delivery, int(bool(event.overrides)), digest_of(keys))
        self.new[feed, event.device_id, event.seq] = StoredPacket(
            feed=feed,
            position=row.position,
            at=event.at,
            device=event.device_id,
            seq=event.seq,
            type=event.type.value,
            packet_id=event.packet_id,
            sent_at=event.sent_at,
            kind=self._kind_number(kind, row.position, keys),
            readings=len(event.measurements),
            delivery=delivery,
            overrides=event.overrides,
            matched=event.matched,
        )
        self._newest[feed, event.device_id] = event.seq
        self.readings += _readings(feed, row, event)

    def _attempt(self, row: Row, event: DeliveryEvent) -> None:
        packet = self._packet(row, event.device_id, event.seq)
        packet.attempts += 1
        packet.status, packet.latency_us, packet.error = event.status, event.latency_us, kept(event.error)
        self.attempts.append((packet.feed, packet.position, row.position, row.topic))
        self._settle(row, packet, _SETTLED.get(type(event), packets.PENDING))
        if event.held_by:
            self._hold(row, event)

    def _hold(self, row: Row, event: DeliveryEvent) -> None:
        """All that the device has still to send waits with the packet that is held.

        The newest come first: where one is held already, so are those before it. One event may so begin several kinds;
        each is numbered by the packet that begins it, below 0 as its publication may have begun one, too.
        """
        feed, device = self._feed(row), event.device_id
        newest = self._newest.get((feed, device))
        if newest is None:
            newest = packets.newest_seq(self._before, feed, device)
        for seq in range(newest, event.seq - 1, -1):
            packet = self._packet(row, device, seq)
            if packet.held_by == event.held_by:
                return
            if packet.delivery == packets.PENDING:
                packet.hold(event.held_by)
                self._become(packet, -packet.position, deliberate=1)

    def _settle(self, row: Row, packet: StoredPacket, delivery: str) -> None:
        if packet.delivery != delivery:
            packet.delivery, packet.held_by = delivery, ""
            self._become(packet, row.position, delivery=delivery)

    def _become(self, packet: StoredPacket, number: int, **changed: Any) -> None:
        """Let the packet be of another kind. If it is a new kind it gets this number, which no other has."""
        kind = self._kind(packet.kind)
        if kind._replace(**changed) != kind:
            packet.kind = self._kind_number(kind._replace(**changed), number)

    def _kind(self, number: int) -> Kind:
        if number not in self._kinds:
            self._kinds[number] = packets.kind_of(self._before, number)
        return self._kinds[number]

    def _kind_number(self, kind: Kind, new_number: int, keys: Iterable[str] = ()) -> int:
        """Of the kind, or this new one for a kind that there was not before; `keys` are those of its digest."""
        number = self._numbers.get(kind) or packets.kind_number(self._before, kind)
        if number is None:
            number = new_number
            self.new_kinds.append((number, *kind))
            if not packets.is_known(self._before, kind.feed, kind.keys):
                self.new_keys |= {(kind.feed, key, kind.keys) for key in keys}
        self._numbers[kind], self._kinds[number] = number, kind
        return number

    def _packet(self, row: Row, device_id: str, seq: int) -> StoredPacket:
        name = (self._feed(row), device_id, seq)
        packet = self.new.get(name) or self.changed.get(name)
        if packet is None:
            packet = packets.packet_of(self._before, *name)
            if packet is None:
                raise LookupError(f"{row.stream} never published packet {seq} of {device_id}")
            self.changed[name] = packet
        return packet

    def _feed(self, row: Row) -> int:
        feed = self._number(row.stream)
        if feed is None:
            raise LookupError(f"{row.stream} does not begin with {PacketFeedOpened.TOPIC}")
        return feed

    def _number(self, stream: str) -> int | None:
        if self._feeds.get(stream) is None:
            self._feeds[stream] = packets.feed_number(self._before, stream)
        return self._feeds[stream]


def _readings(feed: int, row: Row, event: SensorPacketPublished) -> Iterator[Sequence[object]]:
    truth = {one.key.casefold(): one for one in event.truth}
    for place, measured in enumerate(event.measurements):
        value, at = bytes(measured.value).decode(), event.sent_at if measured.at is None else measured.at
        true = truth.get(measured.key.casefold()) if truth else None
        yield (
            feed,
            row.position,
            place,
            kept(measured.key),
            kept(value),
            kept(measured.unit),
            measured.quality.value,
            at,
            "" if true is None else kept(msgspec.json.encode(true).decode()),
        )
