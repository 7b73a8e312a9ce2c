"""Sensors."""

from __future__ import annotations

from typing import ClassVar

from depot_sim.domain.run.events.base import RunEvent
from depot_sim.domain.run.world.state import SensorMode


class SensorFaulted(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "sensor.faulted.1"
    sensor: str
    mode: SensorMode
    until: int = -1


class SensorFaultCleared(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "sensor.fault-cleared.1"
    sensor: str


class SensorValueForced(RunEvent, frozen=True):
    """`value` in the quantity's base unit; None lets the sensor measure again."""

    TOPIC: ClassVar[str] = "sensor.value-forced.1"
    sensor: str
    value: int | None


class SensorAvailabilityChanged(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "sensor.availability-changed.1"
    sensor: str
    available: bool
