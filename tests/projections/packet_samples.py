"""Packet feeds as the log holds them, for the tests of the read side."""

from __future__ import annotations

from typing import Any

import msgspec

from depot_sim.application.event_log import EventLog
from depot_sim.domain.packets.events import PacketDelivered, PacketFeedOpened, SensorPacketPublished
from depot_sim.domain.packets.feed import stream_of
from depot_sim.domain.packets.packet import Measurement, packet_id_of
from depot_sim.domain.packets.vocabulary import DeviceType, PacketType, Quality
from tests.projections.samples import append

NOON = 1_775_131_200_000
RUN, BINDING = "r", "site"
FEED = stream_of(RUN, BINDING)
BESS, CONTROLLER = "bess-1", "controller-1"


def opened(run_id: str = RUN, binding_id: str = BINDING) -> PacketFeedOpened:
    feed = stream_of(run_id, binding_id)
    return PacketFeedOpened(
        NOON, feed, run_id, binding_id, "site", "site", NOON, 7, 1, "http://127.0.0.1:9/packets", "default/1", {}, ()
    )


def measured(key: str, value: object, unit: str = "", quality: Quality = Quality.OK) -> Measurement:
    return Measurement(key, msgspec.Raw(msgspec.json.encode(value)), unit, quality)


def published(seq: int, device: str = BESS, **changes: Any) -> SensorPacketPublished:
    """A second after the one before it."""
    at = NOON + seq * 1_000
    usual: dict[str, Any] = {
        "at": at,
        "run_version": seq + 1,
        "device_id": device,
        "device_type": DeviceType.BESS,
        "scope_id": "grid",
        "type": PacketType.TELEMETRY,
        "seq": seq,
        "packet_id": packet_id_of(RUN, device, seq),
        "sent_at": at,
        "measurements": (measured("SOC", 50 + seq, "%"),),
        "body": f'{{"seq":{seq}}}',
    }
    return SensorPacketPublished(**usual | changes)


def delivered(seq: int, device: str = BESS, **changes: Any) -> PacketDelivered:
    usual: dict[str, Any] = {"at": NOON, "device_id": device, "seq": seq, "attempt": 1, "status": 204}
    return PacketDelivered(**usual | changes)


def tell(log: EventLog, *events: Any, stream: str = FEED) -> int:
    """Append to a feed and return the last position."""
    return append(log, stream, *events)
