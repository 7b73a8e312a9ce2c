"""What people, tests and projections see of a world: ids, base units, RFC 3339 times. Built from a folded run."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from depot_sim.application.run.requests import time_at
from depot_sim.domain.configuration.document import CurrentKind
from depot_sim.domain.kernel.noise import Noise
from depot_sim.domain.kernel.quantities import MJ_PER_WH, PPM
from depot_sim.domain.run.aggregate import RunStatus, SimulationRun
from depot_sim.domain.run.world.charging.limits import Constraint, export_limit_w, fail_safe_limit_w, limit_in_force
from depot_sim.domain.run.world.fleet.readiness import required_mj
from depot_sim.domain.run.world.sensing.readings import (
    ConnectorStatus,
    SensorHeartbeat,
    charger_meter_mj,
    connector_status,
    electrical,
    sensor_heartbeat,
)
from depot_sim.domain.run.world.site.fail_safe import (
    HeartbeatStatus,
    heartbeat_counter,
    heartbeat_status,
    last_heartbeat,
    spacing,
)
from depot_sim.domain.run.world.site.forecast import ForecastType, block_at, holds_until
from depot_sim.domain.run.world.state import (
    NEVER,
    NOBODY,
    Control,
    ControllerMode,
    Dispatch,
    PowerState,
    Presence,
    SensorMode,
)
from depot_sim.domain.run.world.tick_context import present_battery_mj


class View(msgspec.Struct, frozen=True):
    """Base of all views."""


class VehicleView(View, frozen=True):
    """`soc_ppm` 1,000,000 is full. `departs_at` and `returns_at` are None when nothing is scheduled.

    `ready`: it could leave for its next duty now; `held`: it should have left and waits for energy.
    """

    id: str
    type: str
    presence: Presence
    soc_ppm: int
    target_soc_ppm: int
    energy_wh: int
    connector: str | None
    duty: str | None
    departs_at: str | None
    returns_at: str | None
    required_energy_wh: int
    ready: bool
    held: bool
    preconditioning: bool
    ran_empty: bool


class ConnectorView(View, frozen=True):
    """`power_w` is drawn from the grid; `meter_wh` is the register with its meter's error, `energy_wh` the true one."""

    id: str
    charger: str
    status: ConnectorStatus
    available: bool
    online: bool
    vehicle: str | None
    session: int | None
    session_energy_wh: int
    charging: bool
    stop_reason: str | None
    limit_w: int | None
    power_w: int
    energy_wh: int
    meter_wh: int
    phases: int
    voltage_mv: int
    current_ma: int
    power_factor_ppm: int


class ChargerView(View, frozen=True):
    id: str
    node: str
    kind: CurrentKind
    rating_w: int
    available: bool
    fault: str | None
    fault_until: str | None
    power_w: int
    energy_wh: int
    connectors: list[ConnectorView]


class SensorView(View, frozen=True):
    """`value` in the quantity's base unit: W, mJ, ppm, m°C; None before the first reading."""

    id: str
    quantity: str
    unit: str
    value: int | None
    read_at: str | None
    heartbeat: SensorHeartbeat
    mode: SensorMode
    fault_until: str | None
    forced: int | None
    available: bool


class ForecastView(View, frozen=True):
    """A managed scope's active forecast: `capacity_w` until `until`, None where no block is in force.

    `breached`: the scope is above it. The world itself does nothing to keep to a forecast.
    """

    scope: str
    type: ForecastType
    forecast_id: str
    capacity_w: int | None
    until: str | None
    breached: bool
    last_breach: str | None


class NodeView(View, frozen=True):
    """`limit_w` is the limit in force, None when unlimited, `constraint` where it comes from; import is positive.

    `fail_safe_limit_w` and `export_limit_w` are those that count now, None when there are none. `breached` speaks of
    the limit in force; each of `forecasts`, those of the managed scopes on the node, speaks for itself.
    """

    id: str
    kind: str
    parent: str | None
    scope: str | None
    load_w: int
    other_load_w: int
    limit_w: int | None
    constraint: Constraint
    headroom_w: int | None
    fail_safe_limit_w: int | None
    export_limit_w: int | None
    outage: bool
    breached: bool
    imported_wh: int
    exported_wh: int
    forecasts: list[ForecastView]


class BessView(View, frozen=True):
    """`power_w` is positive while charging."""

    id: str
    node: str
    power_state: PowerState
    control: Control
    dispatch: Dispatch
    setpoint_w: int
    power_w: int
    soc_ppm: int
    stored_wh: int


class PvView(View, frozen=True):
    id: str
    node: str
    power_state: PowerState
    power_w: int
    let_through_ppm: int


class ControllerView(View, frozen=True):
    id: str
    node: str
    mode: ControllerMode
    beating: bool
    heartbeat: HeartbeatStatus
    heartbeat_counter: int
    heartbeat_every_ms: int
    last_heartbeat: str | None
    fail_safe: bool
    fail_safe_since: str | None


class WorldView(View, frozen=True):
    """The whole depot at one moment. `version` is the run event it stands after."""

    run_id: str
    status: RunStatus
    time: str
    at: int
    tick: int
    version: int
    peak_w: int
    breaches: int
    late_departures: int
    vehicles: list[VehicleView]
    chargers: list[ChargerView]
    sensors: list[SensorView]
    nodes: list[NodeView]
    bess: list[BessView]
    pv: list[PvView]
    controllers: list[ControllerView]


_SENSOR_UNIT = {"ACTIVE_POWER": "W", "ENERGY_IMPORT": "mJ", "SOC": "ppm", "AMBIENT_TEMPERATURE": "m°C"}


class Viewer:
    """Looks at one folded run; cheap to make, valid until the run is folded further."""

    def __init__(self, run: SimulationRun) -> None:
        self._run = run
        self._depot = run.depot
        self._world = run.world
        self._at = run.world.at
        self._noise = Noise(run.started.seed)

    def world(self) -> WorldView:
        world = self._world
        return WorldView(
            run_id=self._run.run_id,
            status=self._run.status,
            time=time_at(self._run.started.start_time, self._at),
            at=self._at,
            tick=world.tick,
            version=self._run.version,
            peak_w=world.peak_w,
            breaches=world.breaches,
            late_departures=world.late_departures,
            vehicles=[self.vehicle(i) for i in range(len(world.vehicles))],
            chargers=[self.charger(i) for i in range(len(world.chargers))],
            sensors=[self.sensor(i) for i in range(len(world.sensors))],
            nodes=[self.node(i) for i in range(len(world.nodes))],
            bess=[self.bess(i) for i in range(len(world.bess))],
            pv=[self.pv(i) for i in range(len(world.pv))],
            controllers=[self.controller(i) for i in range(len(world.controllers))],
        )

    def vehicle(self, index: int) -> VehicleView:
        state, spec = self._world.vehicles[index], self._depot.vehicles[index]
        battery = present_battery_mj(self._depot, self._world, index, self._at)
        required = 0 if state.presence is Presence.AWAY else required_mj(self._depot, self._world, index)
        return VehicleView(
            id=spec.vehicle.id,
            type=spec.type.id,
            presence=state.presence,
            soc_ppm=battery * PPM // spec.type.battery,
            target_soc_ppm=state.target_ppm,
            energy_wh=battery // MJ_PER_WH,
            connector=None if state.connector == NOBODY else self._depot.connectors[state.connector].id,
            duty=None if state.duty == NOBODY else spec.vehicle.duties[state.duty].id,
            departs_at=self._time(state.departs_at),
            returns_at=self._time(state.returns_at),
            required_energy_wh=required // MJ_PER_WH,
            ready=state.presence is not Presence.AWAY and battery >= required,
            held=state.held_since != NEVER,
            preconditioning=state.preconditioning,
            ran_empty=state.depleted,
        )

    def charger(self, index: int) -> ChargerView:
        state, spec = self._world.chargers[index], self._depot.chargers[index]
        connectors = [self.connector(i) for i in self._depot.connectors_of[index]]
        return ChargerView(
            id=spec.id,
            node=spec.node,
            kind=spec.kind,
            rating_w=int(spec.rating),
            available=state.available,
            fault=state.fault or None,
            fault_until=self._time(state.fault_until),
            power_w=sum(connector.power_w for connector in connectors),
            energy_wh=sum(connector.energy_wh for connector in connectors),
            connectors=connectors,
        )

    def connector(self, index: int) -> ConnectorView:
        state, spec = self._world.connectors[index], self._depot.connectors[index]
        plugged = state.vehicle != NOBODY
        energy = state.energy_at(self._at)
        seen = electrical(self._depot, self._world, index, self._at)
        return ConnectorView(
            id=spec.id,
            charger=spec.spec.id,
            status=connector_status(self._depot, self._world, index, self._at),
            available=state.available,
            online=state.online,
            vehicle=self._depot.vehicles[state.vehicle].vehicle.id if plugged else None,
            session=state.session if plugged else None,
            session_energy_wh=(state.session_energy_mj + energy - state.energy_mj) // MJ_PER_WH if plugged else 0,
            charging=state.charging,
            stop_reason=state.stop_reason or None,
            limit_w=state.limit_w,
            power_w=state.power_w,
            energy_wh=energy // MJ_PER_WH,
            meter_wh=charger_meter_mj(self._depot, self._world, index, self._noise, self._at) // MJ_PER_WH,
            phases=seen.phases,
            voltage_mv=seen.voltage_mv,
            current_ma=seen.current_ma,
            power_factor_ppm=seen.power_factor_ppm,
        )

    def sensor(self, index: int) -> SensorView:
        state, spec = self._world.sensors[index], self._depot.sensors[index]
        read = state.read_at != NOBODY
        return SensorView(
            id=spec.id,
            quantity=spec.quantity.value,
            unit=_SENSOR_UNIT[spec.quantity.value],
            value=state.value if read else None,
            read_at=self._time(state.read_at) if read else None,
            heartbeat=sensor_heartbeat(spec, state, self._at),
            mode=state.mode,
            fault_until=self._time(state.fault_until),
            forced=state.forced,
            available=state.available,
        )

    def node(self, index: int) -> NodeView:
        state, spec = self._world.nodes[index], self._depot.nodes[index]
        limit, constraint = limit_in_force(self._depot, self._world, index)
        net = state.energy_at(self._at)
        exported = state.exported_at(net, self._at)
        return NodeView(
            id=spec.node.id,
            kind=spec.node.kind.value,
            parent=spec.node.parent,
            scope=self._depot.scope_of[index] or None,
            load_w=state.load_w,
            other_load_w=state.other_load_w,
            limit_w=limit,
            constraint=constraint,
            headroom_w=None if limit is None else limit - state.load_w,
            fail_safe_limit_w=fail_safe_limit_w(self._depot, self._world, index),
            export_limit_w=export_limit_w(self._depot, self._world, index),
            outage=state.outage,
            breached=state.breached,
            imported_wh=(net + exported) // MJ_PER_WH,
            exported_wh=exported // MJ_PER_WH,
            forecasts=[view for id in self._depot.scopes_at[index] for view in self._forecasts(id)],
        )

    def _forecasts(self, scope: str) -> Iterator[ForecastView]:
        state = self._world.scope(scope)
        if state is None:
            return
        for type, forecast in state.forecasts.items():
            block = block_at(forecast.blocks, self._at)
            until = holds_until(forecast.blocks, self._at)
            yield ForecastView(
                scope=scope,
                type=type,
                forecast_id=forecast.forecast_id,
                capacity_w=None if block is None else block.capacity_w,
                until=None if until is None else self._time(until),
                breached=forecast.breached,
                last_breach=self._time(state.breaches.get(forecast.forecast_id, NEVER)),
            )

    def bess(self, index: int) -> BessView:
        state, spec = self._world.bess[index], self._depot.bess[index]
        return BessView(
            id=spec.id,
            node=spec.node,
            power_state=state.power_state,
            control=state.control,
            dispatch=state.dispatch,
            setpoint_w=state.setpoint_w,
            power_w=state.power_w,
            soc_ppm=state.stored_mj * PPM // spec.capacity,
            stored_wh=state.stored_mj // MJ_PER_WH,
        )

    def pv(self, index: int) -> PvView:
        state, spec = self._world.pv[index], self._depot.pv[index]
        return PvView(spec.id, spec.node, state.power_state, state.power_w, state.curtailment_ppm)

    def controller(self, index: int) -> ControllerView:
        state, spec = self._world.controllers[index], self._depot.controllers[index]
        return ControllerView(
            id=spec.id,
            node=spec.node,
            mode=state.mode,
            beating=state.beating,
            heartbeat=heartbeat_status(spec, state, self._at),
            heartbeat_counter=heartbeat_counter(spec, state, self._at),
            heartbeat_every_ms=spacing(spec, state),
            last_heartbeat=self._time(last_heartbeat(spec, state, self._at)),
            fail_safe=state.fail_safe,
            fail_safe_since=self._time(state.fail_safe_since),
        )

    def _time(self, at: int) -> str | None:
        return None if at == NEVER or at < 0 else time_at(self._run.started.start_time, at)
