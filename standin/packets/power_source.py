"""What is known of a power source: the latest of each of its values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from msgspec import Struct

from depot_sim.standin.packets.packet import Value


class Latest(Struct, frozen=True):
    """A value, when it was measured, and the packet that brought it."""

    value: Value
    at: datetime
    device: str
    reference: str | None


@dataclass
class PowerSource:
    """By measurand; a late packet changes nothing newer."""

    values: dict[str, Latest] = field(default_factory=dict)

    def take(self, measurand: str, latest: Latest) -> None:
        earlier = self.values.get(measurand)
        if earlier is None or earlier.at <= latest.at:
            self.values[measurand] = latest

    def forget(self, device: str) -> None:
        """The device began anew, and its times with it."""
        self.values = {name: one for name, one in self.values.items() if one.device != device}
