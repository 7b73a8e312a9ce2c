"""Every event of a run's stream. `at` is logical time: ms since the run's start, never backwards along the stream.

Entities are named by their configured ids (connectors as "charger/connector"), except in RunTicked, whose columns use
the entities' places in the configuration document.
"""

from __future__ import annotations

from depot_sim.domain.run.events.base import RunEvent
from depot_sim.domain.run.events.charging import (
    AvailabilityChanged,
    ChargerFaultCleared,
    ChargerFaulted,
    ChargingLimitApplied,
    ChargingStarted,
    ChargingStopped,
    ConnectorNetworkChanged,
    StopReason,
)
from depot_sim.domain.run.events.life import (
    ClockMode,
    ResumeReason,
    RunClock,
    RunnerLeaseAcquired,
    RunnerLeaseReleased,
    RunSnapshotTaken,
    SimulationRunPaused,
    SimulationRunResumed,
    SimulationRunStarted,
    SimulationRunStopped,
)
from depot_sim.domain.run.events.nodes import (
    ControlDelayChanged,
    ManagedScopeBreachCleared,
    ManagedScopeBreachDetected,
    NodeExportLimitChanged,
    NodeFailSafeLimitChanged,
    NodeLimitChanged,
    NodeOutageEnded,
    NodeOutageStarted,
    ScopeForecastApplied,
    ScopeForecastWithdrawn,
)
from depot_sim.domain.run.events.sensors import (
    SensorAvailabilityChanged,
    SensorFaultCleared,
    SensorFaulted,
    SensorValueForced,
)
from depot_sim.domain.run.events.supply import (
    BessStateChanged,
    BessStateOfChargeSet,
    ControllerHeartbeatsChanged,
    ControllerModeChanged,
    ControllerRestarted,
    FailSafeEntered,
    FailSafeLeft,
    PvStateChanged,
)
from depot_sim.domain.run.events.ticks import RunTicked
from depot_sim.domain.run.events.vehicles import (
    DutyMissed,
    PreconditioningStarted,
    VehicleArrived,
    VehicleDeparted,
    VehicleDepartureHeld,
    VehiclePluggedIn,
    VehicleStateOfChargeSet,
    VehicleTargetSet,
    VehicleUnplugged,
)

__all__ = [
    "AvailabilityChanged",
    "BessStateChanged",
    "BessStateOfChargeSet",
    "ChargerFaultCleared",
    "ChargerFaulted",
    "ChargingLimitApplied",
    "ChargingStarted",
    "ChargingStopped",
    "ClockMode",
    "ConnectorNetworkChanged",
    "ControlDelayChanged",
    "ControllerHeartbeatsChanged",
    "ControllerModeChanged",
    "ControllerRestarted",
    "DutyMissed",
    "FailSafeEntered",
    "FailSafeLeft",
    "ManagedScopeBreachCleared",
    "ManagedScopeBreachDetected",
    "NodeExportLimitChanged",
    "NodeFailSafeLimitChanged",
    "NodeLimitChanged",
    "NodeOutageEnded",
    "NodeOutageStarted",
    "PreconditioningStarted",
    "PvStateChanged",
    "ResumeReason",
    "RunClock",
    "RunEvent",
    "RunSnapshotTaken",
    "RunTicked",
    "RunnerLeaseAcquired",
    "RunnerLeaseReleased",
    "ScopeForecastApplied",
    "ScopeForecastWithdrawn",
    "SensorAvailabilityChanged",
    "SensorFaultCleared",
    "SensorFaulted",
    "SensorValueForced",
    "SimulationRunPaused",
    "SimulationRunResumed",
    "SimulationRunStarted",
    "SimulationRunStopped",
    "StopReason",
    "VehicleArrived",
    "VehicleDeparted",
    "VehicleDepartureHeld",
    "VehiclePluggedIn",
    "VehicleStateOfChargeSet",
    "VehicleTargetSet",
    "VehicleUnplugged",
]
