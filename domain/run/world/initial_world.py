"""The world at logical time 0: everybody where the timetable says, batteries as configured, nothing charging yet."""

from __future__ import annotations

from depot_sim.domain.kernel.quantities import PPM
from depot_sim.domain.run.world.depot import Depot
from depot_sim.domain.run.world.fleet.timetable import departure_under_way, next_departure
from depot_sim.domain.run.world.state import (
    NEVER,
    BessState,
    ChargerState,
    ConnectorState,
    ControllerState,
    NodeState,
    Presence,
    PvState,
    SensorState,
    VehicleState,
    World,
)


def genesis(depot: Depot) -> World:
    return World(
        vehicles=[_vehicle(depot, index) for index in range(len(depot.vehicles))],
        connectors=[ConnectorState() for _ in depot.connectors],
        chargers=[ChargerState() for _ in depot.chargers],
        nodes=[NodeState() for _ in depot.nodes],
        sensors=[SensorState() for _ in depot.sensors],
        bess=[BessState(stored_mj=bess.capacity * bess.initial_soc // PPM) for bess in depot.bess],
        pv=[PvState() for _ in depot.pv],
        controllers=[ControllerState() for _ in depot.controllers],
    )


def _vehicle(depot: Depot, index: int) -> VehicleState:
    spec = depot.vehicles[index]
    battery = spec.type.battery * spec.vehicle.initial_soc // PPM
    state = VehicleState(Presence.PARKED, battery, target_ppm=int(spec.vehicle.target_soc))
    under_way = departure_under_way(spec.vehicle.duties, depot.calendar)
    if under_way is None:
        coming = next_departure(spec.vehicle.duties, depot.calendar, (-1, 0))
        if coming is not None:
            state.duty, state.duty_day, state.departs_at = coming.duty, coming.day, coming.departs_at
            state.precondition_at = depot.precondition_at(index, coming.departs_at)
        state.plug_in_at = 0
        state.due_at = 0
        return state
    duty = spec.vehicle.duties[under_way.duty]
    whole = depot.duty_energy_mj(index, duty, under_way.departs_at)
    length = under_way.returns_at - under_way.departs_at
    state.presence = Presence.AWAY
    state.duty, state.duty_day = under_way.duty, under_way.day
    state.departs_at, state.returns_at = under_way.departs_at, under_way.returns_at
    state.duty_energy_mj = whole * under_way.returns_at // length
    state.due_at = under_way.returns_at
    state.plug_in_at = NEVER
    return state
