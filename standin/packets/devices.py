"""The devices that have been heard of, and which of several speaks for a thing that has one source at a time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from depot_sim.standin.packets.packet import Packet
from depot_sim.standin.packets.sequence import Sequence

_CONTROLLER = "MICROGRID_CONTROLLER"


@dataclass
class Device:
    """What is known of one device. `clock` is the latest time it has named, and never goes back within a life."""

    id: str
    type: str | None = None
    site: str | None = None
    scope: str | None = None
    clock: datetime | None = None
    packets: int = 0
    keys: set[str] = field(default_factory=set)
    sequence: Sequence = field(default_factory=Sequence)

    def learn(self, packet: Packet) -> None:
        """Take over what a new packet says about the device itself."""
        self.packets += 1
        self.keys.update(one.key for one in packet.measurements)
        self.type = packet.device_type or self.type
        self.site = packet.site or self.site
        self.scope = packet.scope or self.scope
        self.clock = max(packet.sent_at, self.clock or packet.sent_at)


@dataclass
class Devices:
    """By their ids."""

    known: dict[str, Device] = field(default_factory=dict)

    def find(self, id: str) -> Device:
        if id not in self.known:
            self.known[id] = Device(id)
        return self.known[id]

    def speaker(self, ids: Collection[str]) -> str | None:
        """A controller before other devices, one that lives before one that is dead, the first by name at last."""
        return min(ids, key=self._rank, default=None)

    def _rank(self, id: str) -> tuple[bool, bool, str]:
        device = self.find(id)
        return not device.sequence.alive, device.type != _CONTROLLER, id
