"""A profile: the contract of whoever receives packets, as files, and what they amount to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from domain.packets.measurand import Measurand, WorldValue
from domain.packets.modes import ModeTable
from domain.packets.packet import Packet

__all__ = ["Measurand", "PacketProfile", "WorldValue", "read_profile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketProfile:
    """What was read from `files`, whose content `sha256` names.

    `path_of` and `headers_of` tell what is added to the endpoint's URL and to the request for one packet.
    """

    name: str
    description: str
    files: Mapping[str, str]
    sha256: str
    encoder: str
    content_type: str
    method: str
    measurands: Mapping[str, Measurand]
    modes: ModeTable
    encode: Callable[[Packet], bytes] = field(repr=False)
    path_of: Callable[[Packet], str] = field(repr=False)
    headers_of: Callable[[Packet], tuple[tuple[str, str], ...]] = field(repr=False)


def read_profile(files: Mapping[str, str]) -> PacketProfile:
    """The profile in `files`, by name. Raises InvalidInput with every fault."""
    raise NotImplementedError(sorted(files))
