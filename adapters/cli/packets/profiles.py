"""What the commands on packet profiles are given to work with."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from depot_sim.domain.packets.contract.profile import PacketProfile


class PacketProfiles(Protocol):
    """Packet profiles: those that come along, and folders of others."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def load(self, source: str) -> PacketProfile:
        """By name or folder. Raises InvalidInput with every fault, NotFound, OSError."""

    def export(self, name: str, folder: Path) -> tuple[Path, ...]:
        """Write a profile's files into a new or empty folder. Raises NotFound, InvalidInput, OSError."""
