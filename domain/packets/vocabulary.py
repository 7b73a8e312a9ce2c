"""The words of packets. A profile may write them differently; these are our own."""

from __future__ import annotations

from enum import StrEnum


class PacketType(StrEnum):
    """BIRTH declares a device's keys, TELEMETRY comes at a cadence, EVENT on change, DEATH is the last one."""

    BIRTH = "BIRTH"
    TELEMETRY = "TELEMETRY"
    HEARTBEAT = "HEARTBEAT"
    EVENT = "EVENT"
    DEATH = "DEATH"


class DeviceType(StrEnum):
    SITE_METER = "SITE_METER"
    FEEDER_METER = "FEEDER_METER"
    CHARGER_METER = "CHARGER_METER"
    BESS = "BESS"
    DER = "DER"
    MICROGRID_CONTROLLER = "MICROGRID_CONTROLLER"
    WEATHER = "WEATHER"


class Quality(StrEnum):
    OK = "OK"
    ESTIMATED = "ESTIMATED"
    MISSING = "MISSING"
    BAD = "BAD"
