"""What scenario control does to a feed's packets: the port."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from depot_sim.application.packets.hosted import HostedFeed
from depot_sim.domain.packets.delivery import Attempt
from depot_sim.domain.packets.device import BoundKey
from depot_sim.domain.packets.events import SensorPacketPublished
from depot_sim.domain.packets.packet import Packet
from depot_sim.domain.packets.treating import Treated


class Interference(Protocol):
    """Asked at every publication and every attempt. What it changes of a feed's overrides and expectations is saved."""

    def treat(self, hosted: HostedFeed, packet: Packet, body: bytes, keys: Sequence[BoundKey]) -> Treated:
        """What becomes of a packet that is about to be published. A function of the run's time and the overrides."""

    def hindrance(self, hosted: HostedFeed, packet: SensorPacketPublished) -> str:
        """Why the packet cannot be delivered at present, "" when it can."""

    def answered(self, hosted: HostedFeed, packet: SensorPacketPublished, number: int, attempt: Attempt) -> None:
        """The platform has answered the packet's attempt of this number, or has not: then its status is 0."""
