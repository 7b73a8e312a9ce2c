"""What each command on the site does, or why not: nodes, forecasts, storage, generation and controllers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from depot_sim.domain.kernel.errors import CommandRefused, Fault, InvalidInput
from depot_sim.domain.kernel.quantities import MS_PER_SECOND, PPM, Power, Share
from depot_sim.domain.run import commands as c
from depot_sim.domain.run import events as e
from depot_sim.domain.run.world.depot import find
from depot_sim.domain.run.world.site.fail_safe import spacing
from depot_sim.domain.run.world.site.forecast import ActiveForecast, ForecastBlock, ForecastType, set_apart
from depot_sim.domain.run.world.tick_context import TickContext

_LONGEST_FORECAST_ID = 256
_MOST_BLOCKS = 10_000
_SHORTEST_SPACING = MS_PER_SECOND


def share_of(pointer: str, share: Share) -> int:
    """The share, or InvalidInput when it is more than the whole."""
    if share > PPM:
        raise InvalidInput([Fault(pointer, f"{share // 10_000} %", "a share from 0 % to 100 %")])
    return int(share)


# Nodes


def _node(stage: TickContext, id: str) -> int:
    return find("node", stage.depot.node_index, id)


def _set_node_limit(stage: TickContext, command: c.SetNodeLimit) -> None:
    _node(stage, command.node)
    stage.emit(e.NodeLimitChanged(stage.begin, command.node, _watts(command.limit)))


def _set_export_limit(stage: TickContext, command: c.SetExportLimit) -> None:
    _node(stage, command.node)
    stage.emit(e.NodeExportLimitChanged(stage.begin, command.node, _watts(command.limit)))


def _set_fail_safe_limit(stage: TickContext, command: c.SetFailSafeLimit) -> None:
    _node(stage, command.node)
    stage.emit(e.NodeFailSafeLimitChanged(stage.begin, command.node, _watts(command.limit)))


def _watts(limit: Power | None) -> int | None:
    return None if limit is None else int(limit)


def _start_outage(stage: TickContext, command: c.StartNodeOutage) -> None:
    if stage.world.nodes[_node(stage, command.node)].outage:
        raise CommandRefused(f"{command.node} is without power already", "nothing needs to be done")
    stage.emit(e.NodeOutageStarted(stage.begin, command.node))


def _end_outage(stage: TickContext, command: c.EndNodeOutage) -> None:
    if not stage.world.nodes[_node(stage, command.node)].outage:
        raise CommandRefused(f"{command.node} has power", "nothing needs to be done")
    stage.emit(e.NodeOutageEnded(stage.begin, command.node))


# Forecasts


def _apply_forecast(stage: TickContext, command: c.ApplyForecast) -> None:
    find("managed scope", stage.depot.scope_index, command.managed_scope)
    _check_forecast(command)
    blocks = set_apart([ForecastBlock(int(b.start), int(b.end), int(b.capacity)) for b in command.blocks])
    active = _active_forecast(stage, command.managed_scope, command.type)
    if active is not None:
        if (active.forecast_id, active.blocks) == (command.forecast_id, blocks):
            raise CommandRefused(f"forecast {command.forecast_id!r} is active already", "nothing needs to be done")
        _end_breach(stage, command.managed_scope, command.type, active)
    stage.emit(e.ScopeForecastApplied(stage.begin, command.managed_scope, command.forecast_id, command.type, blocks))


def _check_forecast(command: c.ApplyForecast) -> None:
    faults = []
    if not 1 <= len(command.forecast_id) <= _LONGEST_FORECAST_ID:
        found, expected = f"{len(command.forecast_id)} characters", f"1 to {_LONGEST_FORECAST_ID} characters"
        faults.append(Fault("/forecast_id", found, expected))
    if not 1 <= len(command.blocks) <= _MOST_BLOCKS:
        faults.append(Fault("/blocks", f"{len(command.blocks)} blocks", f"1 to {_MOST_BLOCKS:,} blocks"))
    faults += [
        Fault(f"/blocks/{place}/end", f"{block.end} ms", f"a time after the block's start at {block.start} ms")
        for place, block in enumerate(command.blocks)
        if block.end <= block.start
    ]
    if faults:
        raise InvalidInput(faults)


def _withdraw_forecast(stage: TickContext, command: c.WithdrawForecast) -> None:
    find("managed scope", stage.depot.scope_index, command.managed_scope)
    active = _active_forecast(stage, command.managed_scope, command.type)
    if active is None or command.forecast_id not in (None, active.forecast_id):
        wanted = "" if command.forecast_id is None else f" {command.forecast_id!r}"
        raise CommandRefused(
            f"{command.managed_scope} has no active {command.type.value} forecast{wanted}", "nothing needs to be done"
        )
    _end_breach(stage, command.managed_scope, command.type, active)
    stage.emit(e.ScopeForecastWithdrawn(stage.begin, command.managed_scope, active.forecast_id, command.type))


def _active_forecast(stage: TickContext, scope: str, type: ForecastType) -> ActiveForecast | None:
    known = stage.world.scope(scope)
    return None if known is None else known.forecasts.get(type)


def _end_breach(stage: TickContext, scope: str, type: ForecastType, forecast: ActiveForecast) -> None:
    """A forecast that is no more cannot be breached any longer."""
    if forecast.breached:
        node = stage.depot.scopes[stage.depot.scope_index[scope]].node
        load_w = stage.world.nodes[stage.depot.node_index[node]].load_w
        stage.emit(e.ManagedScopeBreachCleared(stage.begin, scope, node, load_w, forecast.forecast_id, type))


def _set_control_delay(stage: TickContext, command: c.SetControlDelay) -> None:
    stage.emit(e.ControlDelayChanged(stage.begin, int(command.delay)))


# Storage, generation, controllers


def _set_bess(stage: TickContext, command: c.SetBess) -> None:
    state = stage.world.bess[find("bess", stage.depot.bess_index, command.bess)]
    stage.emit(
        e.BessStateChanged(
            stage.begin,
            command.bess,
            command.power_state or state.power_state,
            command.control or state.control,
            command.dispatch or state.dispatch,
            state.setpoint_w if command.setpoint is None else int(command.setpoint),
        )
    )


def _set_bess_soc(stage: TickContext, command: c.SetBessStateOfCharge) -> None:
    bess = find("bess", stage.depot.bess_index, command.bess)
    stored = stage.depot.bess[bess].capacity * share_of("/soc", command.soc) // PPM
    adjusted = stored - stage.world.bess[bess].stored_mj
    stage.emit(e.BessStateOfChargeSet(stage.begin, command.bess, stored, adjusted))


def _set_pv(stage: TickContext, command: c.SetPv) -> None:
    state = stage.world.pv[find("pv", stage.depot.pv_index, command.pv)]
    let_through = (
        state.curtailment_ppm if command.let_through is None else share_of("/let_through", command.let_through)
    )
    stage.emit(e.PvStateChanged(stage.begin, command.pv, command.power_state or state.power_state, let_through))


def _set_heartbeats(stage: TickContext, command: c.SetControllerHeartbeats) -> None:
    controller = find("controller", stage.depot.controller_index, command.controller)
    state, spec = stage.world.controllers[controller], stage.depot.controllers[controller]
    _check_spacing(command)
    every = int(command.every or spec.heartbeat_interval)
    if state.beating == command.beating and (not command.beating or spacing(spec, state) == every):
        said = "sends heartbeats like that already" if state.beating else "keeps its heartbeats back already"
        raise CommandRefused(f"{command.controller} {said}", "nothing needs to be done")
    differs = 0 if every == spec.heartbeat_interval else every
    stage.emit(e.ControllerHeartbeatsChanged(stage.begin, command.controller, command.beating, differs))


def _check_spacing(command: c.SetControllerHeartbeats) -> None:
    if command.every is None:
        return
    if not command.beating:
        raise InvalidInput([Fault("/every", "an interval of heartbeats that are kept back", "none, or beating true")])
    if command.every < _SHORTEST_SPACING:
        raise InvalidInput([Fault("/every", f"{command.every} ms", "at least 1 s")])


def _restart_controller(stage: TickContext, command: c.RestartController) -> None:
    find("controller", stage.depot.controller_index, command.controller)
    stage.emit(e.ControllerRestarted(stage.begin, command.controller))


def _set_controller_mode(stage: TickContext, command: c.SetControllerMode) -> None:
    find("controller", stage.depot.controller_index, command.controller)
    stage.emit(e.ControllerModeChanged(stage.begin, command.controller, command.mode))


SITE_DECISIONS: Mapping[type[c.Command], Callable[[TickContext, Any], None]] = MappingProxyType(
    {
        c.SetNodeLimit: _set_node_limit,
        c.SetExportLimit: _set_export_limit,
        c.SetFailSafeLimit: _set_fail_safe_limit,
        c.StartNodeOutage: _start_outage,
        c.EndNodeOutage: _end_outage,
        c.ApplyForecast: _apply_forecast,
        c.WithdrawForecast: _withdraw_forecast,
        c.SetControlDelay: _set_control_delay,
        c.SetBess: _set_bess,
        c.SetBessStateOfCharge: _set_bess_soc,
        c.SetPv: _set_pv,
        c.SetControllerHeartbeats: _set_heartbeats,
        c.RestartController: _restart_controller,
        c.SetControllerMode: _set_controller_mode,
    }
)
