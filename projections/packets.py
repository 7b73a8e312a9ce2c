"""Projector of `packets`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from application.event_log import Filter, Row
from domain.events import decode
from domain.packets.events import (
    DeliveryEvent,
    PacketDelivered,
    PacketDeliveryFailed,
    PacketDropped,
    PacketFeedOpened,
    PacketQueuedAgain,
    PacketRejected,
    SensorPacketPublished,
)
from projections.projector import Change, each, topics_of
from read_models import packets
from read_models.database import Database
from read_models.packets import StoredPacket

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
        self.readings: list[Sequence[object]] = []
        self.attempts: list[Sequence[object]] = []
        self._feeds: dict[str, int | None] = {}
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
                packet.delivery, packet.error = packets.DROPPED, _kept(event.reason)
            case PacketQueuedAgain() as event:
                self._packet(row, event.device_id, event.seq).delivery = packets.PENDING

    def _open(self, row: Row, event: PacketFeedOpened) -> None:
        if self._number(row.stream) is None:
            self._feeds[row.stream] = row.position
            self.new_feeds.append((row.position, row.stream, event.run_id, event.binding_id))

    def _publish(self, row: Row, event: SensorPacketPublished) -> None:
        feed = self._feed(row)
        self.new[feed, event.device_id, event.seq] = StoredPacket(
            feed,
            row.position,
            event.at,
            event.device_id,
            event.seq,
            event.type.value,
            event.packet_id,
            event.sent_at,
            packets.DROPPED if event.withheld else packets.PENDING,
            overrides=event.overrides,
        )
        for place, measured in enumerate(event.measurements):
            at = event.sent_at if measured.at is None else measured.at
            value = _kept(bytes(measured.value).decode())
            said = (_kept(measured.key), value, _kept(measured.unit), measured.quality.value, at)
            self.readings.append((feed, row.position, place, event.device_id, *said))

    def _attempt(self, row: Row, event: DeliveryEvent) -> None:
        packet = self._packet(row, event.device_id, event.seq)
        packet.delivery = _SETTLED.get(type(event), packets.PENDING)
        packet.attempts += 1
        packet.status, packet.latency_us, packet.error = event.status, event.latency_us, _kept(event.error)
        self.attempts.append((packet.feed, packet.position, row.position, row.topic))

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


def _kept(text: str) -> str:
    """No database keeps a NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
