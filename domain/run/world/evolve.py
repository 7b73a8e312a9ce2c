"""How each event changes the world: one handler per event, and the only code that changes state.

The tick decides by working on a live world through these same handlers, so a fold of the recorded events reaches the
live state bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import repeat
from typing import Any

from msgspec import UNSET

from depot_sim.domain.kernel.events import Event
from depot_sim.domain.run import columns as c
from depot_sim.domain.run import events as e
from depot_sim.domain.run.world.evolve_site import SITE_HANDLERS
from depot_sim.domain.run.world.folded import Folded
from depot_sim.domain.run.world.site import forecast_fold
from depot_sim.domain.run.world.state import (
    NEVER,
    NOBODY,
    Presence,
    VehicleState,
    World,
)


class Evolution(Folded):
    """`apply` folds one event."""

    __slots__ = ()

    def apply(self, event: Event) -> None:
        handler = HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)


def schedule(vehicle: VehicleState) -> None:
    """When the vehicle's own schedule acts next: return, plug in, prepare, leave."""
    if vehicle.presence is Presence.AWAY:
        vehicle.due_at = vehicle.returns_at
    elif vehicle.presence is Presence.PARKED:
        vehicle.due_at = min(vehicle.plug_in_at, vehicle.departs_at)
    else:
        vehicle.due_at = min(vehicle.departs_at, vehicle.precondition_at)
    if vehicle.held_since != NEVER:
        vehicle.due_at = vehicle.held_since  # overdue: it is looked at every tick


# Life of the run


def _ticked(s: Folded, event: e.RunTicked) -> None:
    world, at = s.world, event.at
    length = at - world.at
    world.at = at
    world.tick += 1
    if event.connectors is not None:
        _connector_columns(s, event.connectors, at)
    if event.nodes is not None:
        _node_columns(s, event.nodes, at)
    if event.breaches is not None:
        _breach_columns(world, event.breaches)
    if event.readings is not None:
        _reading_columns(world, event.readings, at)
    if event.bess is not None:
        _storage_columns(world, event.bess, at, length)
    if event.pv is not None:
        _generation_columns(world, event.pv)
    if world.pv:
        _count_generation(world, length)
    if event.forecasts is not None:
        forecast_fold.counted(world, s.depot.scopes, event.forecasts)


def _connector_columns(s: Folded, columns: c.ConnectorColumns, at: int) -> None:
    connectors, vehicles = s.world.connectors, s.world.vehicles
    rows = zip(columns.index, columns.power_w, columns.auxiliary_w, columns.energy_mj, columns.battery_mj, strict=True)
    for index, power, auxiliary, energy, battery in rows:
        state = connectors[index]
        state.session_energy_mj += energy - state.energy_mj
        state.power_w, state.auxiliary_w, state.energy_mj, state.since = power, auxiliary, energy, at
        if state.vehicle != NOBODY:
            vehicle = vehicles[state.vehicle]
            vehicle.battery_mj, vehicle.battery_at = battery, at


def _node_columns(s: Folded, columns: c.NodeColumns, at: int) -> None:
    nodes = s.world.nodes
    rows = zip(columns.index, columns.load_w, columns.other_load_w, columns.energy_mj, columns.exported_mj, strict=True)
    for index, load, other, energy, exported in rows:
        node = nodes[index]
        node.load_w, node.other_load_w, node.energy_mj, node.exported_mj = load, other, energy, exported
        node.since, node.touched = at, False
    root = nodes[s.depot.root]
    s.world.peak_w = max(s.world.peak_w, root.load_w)


def _breach_columns(world: World, columns: c.BreachColumns) -> None:
    parts = columns.part_ms or repeat(0, len(columns.index))
    for index, over, under, part in zip(columns.index, columns.ticks_over, columns.ticks_under, parts, strict=True):
        node = world.nodes[index]
        node.ticks_over, node.ticks_under, node.part_ms = over, under, part or UNSET


def _reading_columns(world: World, columns: c.ReadingColumns, at: int) -> None:
    for index, value in zip(columns.index, columns.value, strict=True):
        world.sensors[index].value, world.sensors[index].read_at = value, at


def _storage_columns(world: World, columns: c.StorageColumns, at: int, length: int) -> None:
    """A storage holds its power for the whole tick."""
    for index, power, stored in zip(columns.index, columns.power_w, columns.stored_mj, strict=True):
        bess = world.bess[index]
        bess.power_w, bess.stored_mj, bess.since = power, stored, at
        bess.imported_mj += max(0, power) * length


def _generation_columns(world: World, columns: c.GenerationColumns) -> None:
    for index, power in zip(columns.index, columns.power_w, strict=True):
        world.pv[index].power_w = power


def _count_generation(world: World, length: int) -> None:
    """An array holds its power for the whole tick."""
    registers = [0] * len(world.pv) if world.generated_mj is UNSET else world.generated_mj
    world.generated_mj = [register + pv.power_w * length for register, pv in zip(registers, world.pv, strict=True)]


# Vehicles


def _departed(s: Folded, event: e.VehicleDeparted) -> None:
    v = s.vehicle(event.vehicle)
    v.presence, v.connector = Presence.AWAY, NOBODY
    v.duty = event.duty
    v.battery_mj, v.battery_at = event.battery_mj, event.at
    v.departs_at, v.returns_at, v.duty_energy_mj = event.at, event.returns_at, event.energy_mj
    v.held_since, v.precondition_at, v.preconditioning, v.plug_in_at = NEVER, NEVER, False, NEVER
    s.world.late_departures += event.late_ms > 0
    schedule(v)


def _held(s: Folded, event: e.VehicleDepartureHeld) -> None:
    v = s.vehicle(event.vehicle)
    v.held_since = event.at
    schedule(v)


def _arrived(s: Folded, event: e.VehicleArrived) -> None:
    v = s.vehicle(event.vehicle)
    v.presence = Presence.PARKED
    v.battery_mj, v.battery_at = event.battery_mj, event.at
    v.plug_in_at, v.duty, v.duty_day = event.plug_in_at, event.duty, event.duty_day
    v.departs_at = NEVER if event.departs_at < 0 else event.departs_at
    v.precondition_at = s.depot.precondition_at(s.depot.vehicle_index[event.vehicle], v.departs_at)
    v.returns_at, v.duty_energy_mj = NEVER, 0
    v.depleted = event.shortfall_mj > 0
    schedule(v)


def _plugged_in(s: Folded, event: e.VehiclePluggedIn) -> None:
    index = s.depot.connector_index[event.connector]
    v, c = s.vehicle(event.vehicle), s.world.connectors[index]
    v.presence, v.connector, v.plug_in_at = Presence.PLUGGED, index, NEVER
    v.battery_mj, v.battery_at = event.battery_mj, event.at
    c.vehicle, c.session = s.depot.vehicle_index[event.vehicle], event.session
    c.session_energy_mj, c.stop_reason = 0, ""
    c.since = event.at
    s.world.sessions = event.session
    schedule(v)


def _unplugged(s: Folded, event: e.VehicleUnplugged) -> None:
    v, c = s.vehicle(event.vehicle), s.connector(event.connector)
    v.presence, v.connector, v.plug_in_at = Presence.PARKED, NOBODY, NEVER
    v.battery_mj, v.battery_at = event.battery_mj, event.at
    c.vehicle, c.charging, c.stop_reason = NOBODY, False, ""
    schedule(v)


def _soc_set(s: Folded, event: e.VehicleStateOfChargeSet) -> None:
    v = s.vehicle(event.vehicle)
    if v.connector != NOBODY:
        c = s.world.connectors[v.connector]
        s.settle(v.connector, event.at, c.energy_at(event.at), c.power_w)
    v.battery_mj, v.battery_at = event.battery_mj, event.at


def _target_set(s: Folded, event: e.VehicleTargetSet) -> None:
    s.vehicle(event.vehicle).target_ppm = event.target_ppm


def _duty_missed(s: Folded, event: e.DutyMissed) -> None:
    """A record for people; the arrival that follows carries the next duty."""


def _preconditioning(s: Folded, event: e.PreconditioningStarted) -> None:
    v = s.vehicle(event.vehicle)
    v.preconditioning, v.precondition_at = True, NEVER
    schedule(v)


# Chargers and connectors


def _charging_started(s: Folded, event: e.ChargingStarted) -> None:
    c = s.connector(event.connector)
    c.charging, c.energised_at, c.stop_reason = True, event.energised_at, ""


def _charging_stopped(s: Folded, event: e.ChargingStopped) -> None:
    index = s.depot.connector_index[event.connector]
    s.settle(index, event.at, event.energy_mj, 0)
    c = s.world.connectors[index]
    c.auxiliary_w, c.charging, c.stop_reason = 0, False, event.reason.value
    v = s.vehicle(event.vehicle)
    v.battery_mj, v.battery_at = event.battery_mj, event.at


def _availability(s: Folded, event: e.AvailabilityChanged) -> None:
    index = s.depot.connector_index.get(event.target)
    if index is not None:
        s.world.connectors[index].available = event.available
    else:
        s.charger(event.target).available = event.available


def _charger_faulted(s: Folded, event: e.ChargerFaulted) -> None:
    c = s.charger(event.charger)
    c.fault, c.fault_since = event.code, event.at
    c.fault_until = NEVER if event.until < 0 else event.until


def _charger_cleared(s: Folded, event: e.ChargerFaultCleared) -> None:
    c = s.charger(event.charger)
    c.fault, c.fault_since, c.fault_until = "", NEVER, NEVER


def _network(s: Folded, event: e.ConnectorNetworkChanged) -> None:
    s.connector(event.connector).online = event.online


def _limit(s: Folded, event: e.ChargingLimitApplied) -> None:
    s.connector(event.connector).limit_w = event.limit_w


HANDLERS: Mapping[type[Event], Callable[[Folded, Any], None]] = {
    e.RunTicked: _ticked,
    e.VehicleDeparted: _departed,
    e.VehicleDepartureHeld: _held,
    e.VehicleArrived: _arrived,
    e.VehiclePluggedIn: _plugged_in,
    e.VehicleUnplugged: _unplugged,
    e.VehicleStateOfChargeSet: _soc_set,
    e.VehicleTargetSet: _target_set,
    e.DutyMissed: _duty_missed,
    e.PreconditioningStarted: _preconditioning,
    e.ChargingStarted: _charging_started,
    e.ChargingStopped: _charging_stopped,
    e.AvailabilityChanged: _availability,
    e.ChargerFaulted: _charger_faulted,
    e.ChargerFaultCleared: _charger_cleared,
    e.ConnectorNetworkChanged: _network,
    e.ChargingLimitApplied: _limit,
    **SITE_HANDLERS,
}
