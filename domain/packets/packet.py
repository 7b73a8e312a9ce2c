"""A packet before it is encoded: the same whatever the profile's envelope and encoder make of it."""

from __future__ import annotations

from uuid import UUID, uuid5

import msgspec

from depot_sim.domain.packets.vocabulary import DeviceType, PacketType, Quality

_NAMES = UUID("0d6c9f4e-3c0b-5b58-9d3f-4f3a1f2f7f10")


class Measurement(msgspec.Struct, frozen=True, omit_defaults=True):
    """One key as the platform knows it. `value` is JSON: a number in `unit` (UCUM), a word, a flag, a list or null.

    `at` is when it was measured, in ms since 1970 UTC; None means when the packet was sent.
    """

    key: str
    value: msgspec.Raw
    unit: str = ""
    quality: Quality = Quality.OK
    at: int | None = None


class Packet(msgspec.Struct, frozen=True):
    """`seq` counts a device's packets from 0; `sent_at` is the device's clock, in ms since 1970 UTC."""

    type: PacketType
    device_id: str
    device_type: DeviceType
    seq: int
    packet_id: str
    site_id: str
    scope_id: str
    sent_at: int
    measurements: tuple[Measurement, ...] = ()


def packet_id_of(run_id: str, device_id: str, seq: int) -> str:
    """The same run gives the same ids, so that receivers can tell duplicates and tests can compare."""
    return str(uuid5(_NAMES, f"{run_id}/{device_id}/{seq}"))
