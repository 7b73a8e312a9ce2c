"""Chargers and connectors."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

from depot_sim.domain.run.events.base import RunEvent


class StopReason(Enum):
    """Why charging ended."""

    TARGET_REACHED = "TARGET_REACHED"
    COMMAND = "COMMAND"
    UNPLUGGED = "UNPLUGGED"
    CHARGER_FAULT = "CHARGER_FAULT"
    UNAVAILABLE = "UNAVAILABLE"
    OUTAGE = "OUTAGE"


class ChargingStarted(RunEvent, frozen=True):
    """Energy transfer is switched on; power follows from `energised_at` (after the dead time)."""

    TOPIC: ClassVar[str] = "connector.charging-started.1"
    connector: str
    vehicle: str
    energised_at: int


class ChargingStopped(RunEvent, frozen=True):
    """Register and battery at the moment of the stop."""

    TOPIC: ClassVar[str] = "connector.charging-stopped.1"
    connector: str
    vehicle: str
    reason: StopReason
    energy_mj: int
    battery_mj: int


class AvailabilityChanged(RunEvent, frozen=True):
    """`target` is a charger or a connector."""

    TOPIC: ClassVar[str] = "charger.availability-changed.1"
    target: str
    available: bool


class ChargerFaulted(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "charger.faulted.1"
    charger: str
    code: str
    until: int = -1


class ChargerFaultCleared(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "charger.fault-cleared.1"
    charger: str


class ConnectorNetworkChanged(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "connector.network-changed.1"
    connector: str
    online: bool


class ChargingLimitApplied(RunEvent, frozen=True):
    """The platform's limit for a connector; `limit_w` None lifts it."""

    TOPIC: ClassVar[str] = "connector.limit-applied.1"
    connector: str
    limit_w: int | None
