"""What each device said last, as it was sent: frozen and stale values repeat it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from depot_sim.domain.packets.packet import Measurement, Packet
from depot_sim.domain.packets.vocabulary import PacketType


class Said(NamedTuple):
    """A measurement and when it was taken, in ms since 1970 UTC on the device's clock."""

    measurement: Measurement
    at: int


class LastSent(msgspec.Struct):
    """A device's last counter, and of each key the last measurement. Keys are folded: their casing may be distorted."""

    seq: int
    said: dict[str, Said] = {}


class Memory(msgspec.Struct):
    """Belongs to the state of a feed, so that it survives with it. As large as the devices have keys."""

    devices: dict[str, LastSent] = {}

    def remember(self, packet: Packet) -> None:
        """Take note of a packet as it is sent. What a BIRTH declares are no values."""
        last = self.devices.get(packet.device_id)
        if last is None:
            last = self.devices[packet.device_id] = LastSent(packet.seq)
        last.seq = packet.seq
        if packet.type is PacketType.BIRTH:
            return
        for measurement in packet.measurements:
            at = packet.sent_at if measurement.at is None else measurement.at
            last.said[measurement.key.casefold()] = Said(measurement, at)

    def said(self, device_id: str, key: str) -> Said | None:
        """What the device said last of a key, in whatever casing."""
        last = self.devices.get(device_id)
        return None if last is None else last.said.get(key.casefold())

    def seq(self, device_id: str) -> int | None:
        """The device's last counter as sent; None before its first packet."""
        last = self.devices.get(device_id)
        return None if last is None else last.seq
