"""Every event of a run's stream. `at` is logical time: ms since the run's start, never backwards along the stream.

Entities are named by their configured ids (connectors as "charger/connector"), except in RunTicked, whose columns use
the entities' places in the configuration document.
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

import msgspec

from domain.events import Event
from domain.run.columns import (
    BreachColumns,
    ConnectorColumns,
    ForecastColumns,
    GenerationColumns,
    NodeColumns,
    ReadingColumns,
    StorageColumns,
)
from domain.run.world.forecast import ForecastBlock, ForecastType
from domain.run.world.state import Control, ControllerMode, Dispatch, PowerState, SensorMode


class RunEvent(Event, frozen=True, omit_defaults=True):
    at: int


class ClockMode(Enum):
    """REALTIME: wall time drives the run, times `speed`. MANUAL: it moves only by tick and advance-to."""

    REALTIME = "REALTIME"
    MANUAL = "MANUAL"


class RunClock(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`speed_ppm` 1,000,000 is real time."""

    mode: ClockMode = ClockMode.MANUAL
    speed_ppm: int = 1_000_000


class ResumeReason(Enum):
    OPERATOR = "OPERATOR"
    RESTART = "RESTART"
    TAKEOVER = "TAKEOVER"


class StopReason(Enum):
    """Why charging ended."""

    TARGET_REACHED = "TARGET_REACHED"
    COMMAND = "COMMAND"
    UNPLUGGED = "UNPLUGGED"
    CHARGER_FAULT = "CHARGER_FAULT"
    UNAVAILABLE = "UNAVAILABLE"
    OUTAGE = "OUTAGE"


# Life of the run


class SimulationRunStarted(RunEvent, frozen=True):
    """`document` is the whole configuration revision the run is pinned to, so the stream stands alone."""

    TOPIC: ClassVar[str] = "run.started.1"
    INCIDENTAL: ClassVar[tuple[str, ...]] = ("run_id", "configuration_id", "configuration_version", "clock")
    run_id: str
    configuration_id: str
    configuration_version: int
    document: msgspec.Raw
    seed: int
    start_time: str
    tick_ms: int
    clock: RunClock = RunClock()
    disturbances: str = ""


class SimulationRunPaused(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "run.paused.1"
    OPERATIONAL: ClassVar[bool] = True


class SimulationRunResumed(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "run.resumed.1"
    OPERATIONAL: ClassVar[bool] = True
    reason: ResumeReason


class SimulationRunStopped(RunEvent, frozen=True):
    """`state_sha256` is the hash of the final world: what a replay has to reach."""

    TOPIC: ClassVar[str] = "run.stopped.1"
    state_sha256: str


class RunnerLeaseAcquired(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "run.lease-acquired.1"
    OPERATIONAL: ClassVar[bool] = True
    owner: str
    token: int


class RunnerLeaseReleased(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "run.lease-released.1"
    OPERATIONAL: ClassVar[bool] = True
    token: int


class RunSnapshotTaken(RunEvent, frozen=True):
    """A checkpoint: the world at this point of the stream had this hash."""

    TOPIC: ClassVar[str] = "run.snapshot-taken.1"
    OPERATIONAL: ClassVar[bool] = True
    state_sha256: str


# One tick


class RunTicked(RunEvent, frozen=True):
    """All continuous changes of one tick, only what changed. Discrete happenings inside the tick precede it."""

    TOPIC: ClassVar[str] = "run.ticked.1"
    connectors: ConnectorColumns | None = None
    nodes: NodeColumns | None = None
    breaches: BreachColumns | None = None
    readings: ReadingColumns | None = None
    bess: StorageColumns | None = None
    pv: GenerationColumns | None = None
    forecasts: ForecastColumns | None = None


# Vehicles


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


# Chargers and connectors


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


# Sensors


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


# Nodes and scopes


class NodeLimitChanged(RunEvent, frozen=True):
    """`limit_w` None goes back to the configured limit."""

    TOPIC: ClassVar[str] = "node.limit-changed.1"
    node: str
    limit_w: int | None


class NodeOutageStarted(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "node.outage-started.1"
    node: str


class NodeOutageEnded(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "node.outage-ended.1"
    node: str


class ManagedScopeBreachDetected(RunEvent, frozen=True):
    """A node has stayed above its limit; `scope` names the managed scope on it, empty when there is none.

    With `forecast_id` it is not the node's own limit but the capacity of the scope's active forecast, of this type.
    `load_w` is the node's load, import positive; a GENERATION forecast limits what flows out, so the load is negative.
    """

    TOPIC: ClassVar[str] = "scope.breach-detected.1"
    scope: str
    node: str
    load_w: int
    limit_w: int
    forecast_id: str = ""
    forecast_type: ForecastType | None = None


class ManagedScopeBreachCleared(RunEvent, frozen=True):
    """The node has stayed within its limit; with `forecast_id` within that forecast, or the forecast has ended."""

    TOPIC: ClassVar[str] = "scope.breach-cleared.1"
    scope: str
    node: str
    load_w: int
    forecast_id: str = ""
    forecast_type: ForecastType | None = None


class ScopeForecastApplied(RunEvent, frozen=True):
    """The scope's active forecast of this type from now on. `blocks` are in order of time and apart."""

    TOPIC: ClassVar[str] = "scope.forecast-applied.1"
    scope: str
    forecast_id: str
    type: ForecastType
    blocks: tuple[ForecastBlock, ...]


class ScopeForecastWithdrawn(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "scope.forecast-withdrawn.1"
    scope: str
    forecast_id: str
    type: ForecastType


class ControlDelayChanged(RunEvent, frozen=True):
    """From now on connectors draw what they like for this long after switching on; 0 ends the fault."""

    TOPIC: ClassVar[str] = "allocation.control-delay-changed.1"
    delay_ms: int


# Storage, generation, microgrid controller


class BessStateChanged(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "bess.state-changed.1"
    bess: str
    power_state: PowerState
    control: Control
    dispatch: Dispatch
    setpoint_w: int


class BessStateOfChargeSet(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "bess.state-of-charge-set.1"
    bess: str
    stored_mj: int


class PvStateChanged(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "pv.state-changed.1"
    pv: str
    power_state: PowerState
    curtailment_ppm: int


class ControllerHeartbeatsChanged(RunEvent, frozen=True):
    """The controller begins or ceases to send heartbeats."""

    TOPIC: ClassVar[str] = "controller.heartbeats-changed.1"
    controller: str
    beating: bool


class ControllerModeChanged(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "controller.mode-changed.1"
    controller: str
    mode: ControllerMode


class FailSafeEntered(RunEvent, frozen=True):
    """The heartbeat is lost: the node is held at its fail-safe limit."""

    TOPIC: ClassVar[str] = "controller.fail-safe-entered.1"
    controller: str


class FailSafeLeft(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "controller.fail-safe-left.1"
    controller: str
