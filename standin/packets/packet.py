"""A packet as it was understood, whatever encoding it came in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from depot_sim.standin.packets.findings import Finding

Value = float | int | str | bool | list[object] | None


class Encoding(StrEnum):
    """How it was written."""

    FULL = "full"  # the envelope of packet v1
    SENML = "senml"  # RFC 8428
    FLAT = "flat"  # {"ts": ..., "values": {...}}


class PacketType(StrEnum):
    """Encodings without types carry telemetry."""

    BIRTH = "BIRTH"
    TELEMETRY = "TELEMETRY"
    HEARTBEAT = "HEARTBEAT"
    EVENT = "EVENT"
    DEATH = "DEATH"


class Quality(StrEnum):
    """How far a value can be trusted."""

    OK = "OK"
    ESTIMATED = "ESTIMATED"
    MISSING = "MISSING"
    BAD = "BAD"


class Measurement(Struct, frozen=True, omit_defaults=True):
    """One key as it was sent. No unit means that the encoding names none; `at` is when it was measured."""

    key: str
    value: Value
    at: datetime
    unit: str | None = None
    quality: Quality = Quality.OK

    @property
    def usable(self) -> bool:
        return self.quality in (Quality.OK, Quality.ESTIMATED)


class Packet(Struct, frozen=True, kw_only=True):
    """What is not known is None: SenML and flat packets need name little more than a device and its values.

    `faults` are what the schema has against it. A fault takes away what it is about, and nothing else.
    """

    encoding: Encoding
    device: str
    sent_at: datetime
    measurements: tuple[Measurement, ...]
    type: PacketType = PacketType.TELEMETRY
    packet_id: str | None = None
    seq: int | None = None
    device_type: str | None = None
    site: str | None = None
    scope: str | None = None
    profile: str | None = None
    faults: tuple[Finding, ...] = ()
