"""Vehicles come and go, plug in and out."""

from __future__ import annotations

from typing import ClassVar

from depot_sim.domain.run.events.base import RunEvent


class VehicleDeparted(RunEvent, frozen=True):
    """`energy_mj` is what the duty will take, `late_ms` how long after the timetable it left."""

    TOPIC: ClassVar[str] = "vehicle.departed.1"
    vehicle: str
    duty: int
    returns_at: int
    energy_mj: int
    battery_mj: int
    late_ms: int = 0


class VehicleDepartureHeld(RunEvent, frozen=True):
    """The timetable says go, but the battery does not reach for the duty."""

    TOPIC: ClassVar[str] = "vehicle.departure-held.1"
    vehicle: str
    battery_mj: int
    required_mj: int


class VehicleArrived(RunEvent, frozen=True):
    """Back in the depot. `duty`, `duty_day` and `departs_at` tell the next duty, -1 when there is none."""

    TOPIC: ClassVar[str] = "vehicle.arrived.1"
    vehicle: str
    battery_mj: int
    plug_in_at: int
    duty: int = -1
    duty_day: int = 0
    departs_at: int = -1
    shortfall_mj: int = 0


class VehiclePluggedIn(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "vehicle.plugged-in.1"
    vehicle: str
    connector: str
    session: int
    battery_mj: int


class VehicleUnplugged(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "vehicle.unplugged.1"
    vehicle: str
    connector: str
    session: int
    battery_mj: int
    session_energy_mj: int


class VehicleStateOfChargeSet(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "vehicle.state-of-charge-set.1"
    vehicle: str
    battery_mj: int


class VehicleTargetSet(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "vehicle.target-set.1"
    vehicle: str
    target_ppm: int


class DutyMissed(RunEvent, frozen=True):
    """The vehicle came back only after this duty had ended."""

    TOPIC: ClassVar[str] = "vehicle.duty-missed.1"
    vehicle: str
    duty: int
    day: int


class PreconditioningStarted(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "vehicle.preconditioning-started.1"
    vehicle: str
