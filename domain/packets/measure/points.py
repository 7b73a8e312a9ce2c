"""After which events of a run devices look at the world: every tick, and what changes a measurand by itself.

Never after events about how the run is operated, nor wherever an append happens to end: equal runs give equal packets.
"""

from __future__ import annotations

from depot_sim.domain.kernel.events import Event
from depot_sim.domain.packets.device import EntityKind
from depot_sim.domain.run import events as r

_CHANGES: frozenset[type[Event]] = frozenset(
    {
        r.AvailabilityChanged,
        r.BessStateChanged,
        r.BessStateOfChargeSet,
        r.ChargerFaultCleared,
        r.ChargerFaulted,
        r.ControllerHeartbeatsChanged,
        r.ControllerModeChanged,
        r.ControllerRestarted,
        r.FailSafeEntered,
        r.FailSafeLeft,
        r.NodeExportLimitChanged,
        r.NodeFailSafeLimitChanged,
        r.NodeLimitChanged,
        r.NodeOutageEnded,
        r.NodeOutageStarted,
        r.PvStateChanged,
        r.SensorAvailabilityChanged,
        r.SensorFaultCleared,
        r.SensorFaulted,
        r.SensorValueForced,
    }
)


STEADY = frozenset({("DEVICE_POWER_STATE", EntityKind.CHARGER), ("ALARM_CODES", EntityKind.CHARGER)})
"""Sources, by what they are read of, that change with these events only: a tick need not look at them."""


def is_tick(event: Event) -> bool:
    return isinstance(event, r.RunTicked)


def is_change(event: Event) -> bool:
    return type(event) in _CHANGES
