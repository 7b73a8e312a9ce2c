"""How events about the site change the world: sensors, nodes, scopes, storage, generation and controllers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import UNSET

from depot_sim.domain.kernel.events import Event
from depot_sim.domain.run import events as e
from depot_sim.domain.run.world.folded import Folded
from depot_sim.domain.run.world.site import forecast_fold
from depot_sim.domain.run.world.site.fail_safe import heartbeats, last_heartbeat, silent_since, spacing
from depot_sim.domain.run.world.state import NEVER, NOBODY, SensorMode

# Sensors


def _sensor_faulted(s: Folded, event: e.SensorFaulted) -> None:
    state = s.sensor(event.sensor)
    state.mode, state.fault_until = event.mode, NEVER if event.until < 0 else event.until


def _sensor_cleared(s: Folded, event: e.SensorFaultCleared) -> None:
    state = s.sensor(event.sensor)
    state.mode, state.fault_until = SensorMode.NORMAL, NEVER


def _sensor_forced(s: Folded, event: e.SensorValueForced) -> None:
    s.sensor(event.sensor).forced = event.value


def _sensor_available(s: Folded, event: e.SensorAvailabilityChanged) -> None:
    s.sensor(event.sensor).available = event.available


# Nodes


def _node_limit(s: Folded, event: e.NodeLimitChanged) -> None:
    s.node(event.node).limit_w = event.limit_w


def _export_limit(s: Folded, event: e.NodeExportLimitChanged) -> None:
    s.node(event.node).export_limit_w = UNSET if event.limit_w is None else event.limit_w


def _fail_safe_limit(s: Folded, event: e.NodeFailSafeLimitChanged) -> None:
    s.node(event.node).fail_safe_limit_w = UNSET if event.limit_w is None else event.limit_w


def _outage_started(s: Folded, event: e.NodeOutageStarted) -> None:
    s.node(event.node).outage = True


def _outage_ended(s: Folded, event: e.NodeOutageEnded) -> None:
    s.node(event.node).outage = False


def _breach_detected(s: Folded, event: e.ManagedScopeBreachDetected) -> None:
    s.world.breaches += 1
    if event.forecast_type is not None:
        forecast_fold.breach_detected(s.world, event.scope, event.forecast_type, event.at)
        return
    s.node(event.node).breached = True


def _breach_cleared(s: Folded, event: e.ManagedScopeBreachCleared) -> None:
    if event.forecast_type is not None:
        forecast_fold.breach_cleared(s.world, event.scope, event.forecast_type)
        return
    s.node(event.node).breached = False


def _control_delay(s: Folded, event: e.ControlDelayChanged) -> None:
    s.world.control_delay_ms = event.delay_ms


# Storage, generation, controller


def _bess_state(s: Folded, event: e.BessStateChanged) -> None:
    b = s.world.bess[s.depot.bess_index[event.bess]]
    b.power_state, b.control = event.power_state, event.control
    b.dispatch, b.setpoint_w = event.dispatch, event.setpoint_w


def _bess_soc(s: Folded, event: e.BessStateOfChargeSet) -> None:
    b = s.world.bess[s.depot.bess_index[event.bess]]
    b.stored_mj = event.stored_mj
    if event.adjusted_mj:
        b.adjusted_mj = event.adjusted_mj + (0 if b.adjusted_mj is UNSET else b.adjusted_mj)


def _pv_state(s: Folded, event: e.PvStateChanged) -> None:
    p = s.world.pv[s.depot.pv_index[event.pv]]
    p.power_state, p.curtailment_ppm = event.power_state, event.curtailment_ppm


def _heartbeats(s: Folded, event: e.ControllerHeartbeatsChanged) -> None:
    """Count what has come; what comes from now on keeps its distance to the last one while they came all along."""
    spec, c = s.depot.controllers[s.depot.controller_index[event.controller]], s.controller(event.controller)
    came_all_along, last = c.beating, last_heartbeat(spec, c, event.at)
    since = silent_since(spec, c, event.at)
    c.beats_before = heartbeats(spec, c, event.at)
    c.last_beat, c.beating = last, event.beating
    c.every_ms = event.every_ms or UNSET
    if event.beating:
        c.beats_from = max(event.at, since + spacing(spec, c)) if came_all_along else event.at


def _restarted(s: Folded, event: e.ControllerRestarted) -> None:
    """A controller that beats sends its first heartbeat one spacing after it came up."""
    spec, c = s.depot.controllers[s.depot.controller_index[event.controller]], s.controller(event.controller)
    c.beats_before, c.last_beat, c.linked_at = 0, NOBODY, event.at
    c.beats_from = event.at + spacing(spec, c)


def _controller_mode(s: Folded, event: e.ControllerModeChanged) -> None:
    s.controller(event.controller).mode = event.mode


def _fail_safe_entered(s: Folded, event: e.FailSafeEntered) -> None:
    c = s.controller(event.controller)
    c.fail_safe, c.fail_safe_since = True, event.at


def _fail_safe_left(s: Folded, event: e.FailSafeLeft) -> None:
    c = s.controller(event.controller)
    c.fail_safe, c.fail_safe_since = False, NEVER


SITE_HANDLERS: Mapping[type[Event], Callable[[Folded, Any], None]] = {
    e.SensorFaulted: _sensor_faulted,
    e.SensorFaultCleared: _sensor_cleared,
    e.SensorValueForced: _sensor_forced,
    e.SensorAvailabilityChanged: _sensor_available,
    e.NodeLimitChanged: _node_limit,
    e.NodeExportLimitChanged: _export_limit,
    e.NodeFailSafeLimitChanged: _fail_safe_limit,
    e.NodeOutageStarted: _outage_started,
    e.NodeOutageEnded: _outage_ended,
    e.ManagedScopeBreachDetected: _breach_detected,
    e.ManagedScopeBreachCleared: _breach_cleared,
    e.ScopeForecastApplied: lambda s, event: forecast_fold.applied(s.world, event),
    e.ScopeForecastWithdrawn: lambda s, event: forecast_fold.withdrawn(s.world, event),
    e.ControlDelayChanged: _control_delay,
    e.BessStateChanged: _bess_state,
    e.BessStateOfChargeSet: _bess_soc,
    e.PvStateChanged: _pv_state,
    e.ControllerHeartbeatsChanged: _heartbeats,
    e.ControllerRestarted: _restarted,
    e.ControllerModeChanged: _controller_mode,
    e.FailSafeEntered: _fail_safe_entered,
    e.FailSafeLeft: _fail_safe_left,
}
