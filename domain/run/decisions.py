"""What each command does to the world, or why not. Decisions emit events; a refusal raises CommandRefused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from domain.configuration.document import SensorQuantity
from domain.configuration.quantities import PPM, Duration, Energy, Quantity, Share, SignedPower, Temperature
from domain.errors import CommandRefused, Fault, InvalidInput
from domain.run import commands as c
from domain.run import events as e
from domain.run.world import yard
from domain.run.world.depot import find
from domain.run.world.forecast import ActiveForecast, ForecastBlock, ForecastType, set_apart
from domain.run.world.stage import Stage, present_battery_mj
from domain.run.world.state import NOBODY, Presence, SensorMode

_SENSOR_UNITS: Mapping[SensorQuantity, type[Quantity]] = MappingProxyType(
    {
        SensorQuantity.ACTIVE_POWER: SignedPower,
        SensorQuantity.ENERGY_IMPORT: Energy,
        SensorQuantity.SOC: Share,
        SensorQuantity.AMBIENT_TEMPERATURE: Temperature,
    }
)


_LONGEST_FORECAST_ID = 256
_MOST_BLOCKS = 10_000


def decide(stage: Stage, command: c.Command) -> None:
    """Carry a command out now. Raises NotFound, InvalidInput or CommandRefused; then nothing has happened."""
    _DECISIONS[type(command)](stage, command)


def _vehicle(stage: Stage, id: str) -> int:
    return find("vehicle", stage.depot.vehicle_index, id)


def _connector(stage: Stage, id: str) -> int:
    return find("connector", stage.depot.connector_index, id)


def _until(stage: Stage, duration: Duration | None) -> int:
    return -1 if duration is None else stage.begin + duration


def _share(pointer: str, share: Share) -> int:
    if share > PPM:
        raise InvalidInput([Fault(pointer, f"{share // 10_000} %", "a share from 0 % to 100 %")])
    return int(share)


# Vehicles


def _plug_in(stage: Stage, command: c.PlugIn) -> None:
    vehicle = _vehicle(stage, command.vehicle)
    if stage.world.vehicles[vehicle].presence is not Presence.PARKED:
        raise CommandRefused(f"{command.vehicle} is {_presence(stage, vehicle)}", "only a parked bus can be plugged in")
    if command.connector is None:
        yard.find_a_plug(stage, vehicle, stage.begin)
        if stage.world.vehicles[vehicle].presence is not Presence.PLUGGED:
            raise CommandRefused(
                f"no connector is free for {command.vehicle}", "unplug a bus first, or name a connector"
            )
        return
    connector = _connector(stage, command.connector)
    if stage.world.connectors[connector].vehicle != NOBODY:
        raise CommandRefused(f"{command.connector} is taken", "unplug the bus there first, or name a free connector")
    yard.plug_in(stage, vehicle, connector, stage.begin)


def _unplug(stage: Stage, command: c.Unplug) -> None:
    vehicle = _vehicle(stage, command.vehicle)
    if stage.world.vehicles[vehicle].presence is not Presence.PLUGGED:
        raise CommandRefused(f"{command.vehicle} is {_presence(stage, vehicle)}", "only a plugged bus can be unplugged")
    yard.unplug(stage, vehicle, stage.begin)


def _arrive(stage: Stage, command: c.Arrive) -> None:
    vehicle = _vehicle(stage, command.vehicle)
    if stage.world.vehicles[vehicle].presence is not Presence.AWAY:
        raise CommandRefused(f"{command.vehicle} is in the depot already", "only a bus that is away can arrive")
    if command.soc is None:
        battery = present_battery_mj(stage.depot, stage.world, vehicle, stage.begin)
    else:
        battery = stage.depot.vehicles[vehicle].type.battery * _share("/soc", command.soc) // PPM
    yard.arrive(stage, vehicle, stage.begin, battery)


def _depart(stage: Stage, command: c.Depart) -> None:
    vehicle = _vehicle(stage, command.vehicle)
    state = stage.world.vehicles[vehicle]
    if state.presence is Presence.AWAY:
        raise CommandRefused(f"{command.vehicle} is away already", "only a bus in the depot can depart")
    if command.returns_after is None:
        if state.duty == NOBODY:
            raise CommandRefused(f"{command.vehicle} has no duty to leave for", "say returns_after and energy")
        yard.depart(stage, vehicle, stage.begin)
        return
    if state.presence is Presence.PLUGGED:
        yard.unplug(stage, vehicle, stage.begin)
    returns_at, energy = stage.begin + command.returns_after, int(command.energy or 0)
    battery = stage.world.vehicles[vehicle].battery_mj
    stage.emit(e.VehicleDeparted(stage.begin, command.vehicle, state.duty, returns_at, energy, battery))


def _set_soc(stage: Stage, command: c.SetStateOfCharge) -> None:
    vehicle = _vehicle(stage, command.vehicle)
    battery = stage.depot.vehicles[vehicle].type.battery * _share("/soc", command.soc) // PPM
    if stage.world.vehicles[vehicle].presence is Presence.AWAY:
        raise CommandRefused(f"{command.vehicle} is away", "set the state of charge with arrive, or once it is back")
    stage.emit(e.VehicleStateOfChargeSet(stage.begin, command.vehicle, battery))


def _set_target(stage: Stage, command: c.SetTarget) -> None:
    _vehicle(stage, command.vehicle)
    stage.emit(e.VehicleTargetSet(stage.begin, command.vehicle, _share("/soc", command.soc)))


def _presence(stage: Stage, vehicle: int) -> str:
    return stage.world.vehicles[vehicle].presence.value.lower()


# Chargers and connectors


def _start_charging(stage: Stage, command: c.StartCharging) -> None:
    connector = _connector(stage, command.connector)
    state = stage.world.connectors[connector]
    if state.vehicle == NOBODY:
        raise CommandRefused(f"no bus is plugged in at {command.connector}", "plug one in first")
    if state.charging:
        raise CommandRefused(f"{command.connector} is charging already", "nothing needs to be done")
    trouble = stage.trouble(connector)
    if trouble is not None:
        raise CommandRefused(
            f"{command.connector} cannot charge: {trouble.value}", "clear the fault or put it in service"
        )
    stage.start_charging(connector, stage.begin)


def _stop_charging(stage: Stage, command: c.StopCharging) -> None:
    connector = _connector(stage, command.connector)
    if not stage.world.connectors[connector].charging:
        raise CommandRefused(f"{command.connector} is not charging", "nothing needs to be done")
    stage.stop_charging(connector, stage.begin, e.StopReason.COMMAND)


def _set_limit(stage: Stage, command: c.SetChargingLimit) -> None:
    _connector(stage, command.connector)
    limit = None if command.limit is None else int(command.limit)
    stage.emit(e.ChargingLimitApplied(stage.begin, command.connector, limit))


def _set_availability(stage: Stage, command: c.SetAvailability) -> None:
    if command.target not in stage.depot.connector_index:
        find("charger or connector", stage.depot.charger_index, command.target)
    stage.emit(e.AvailabilityChanged(stage.begin, command.target, command.available))


def _fault_charger(stage: Stage, command: c.FaultCharger) -> None:
    charger = find("charger", stage.depot.charger_index, command.charger)
    if stage.world.chargers[charger].fault:
        raise CommandRefused(f"{command.charger} has a fault already", "clear it first")
    if not command.code:
        raise InvalidInput([Fault("/code", '""', 'an error code such as "InternalError"')])
    stage.emit(e.ChargerFaulted(stage.begin, command.charger, command.code, _until(stage, command.duration)))


def _clear_charger_fault(stage: Stage, command: c.ClearChargerFault) -> None:
    charger = find("charger", stage.depot.charger_index, command.charger)
    if not stage.world.chargers[charger].fault:
        raise CommandRefused(f"{command.charger} has no fault", "nothing needs to be done")
    stage.emit(e.ChargerFaultCleared(stage.begin, command.charger))


def _set_network(stage: Stage, command: c.SetConnectorNetwork) -> None:
    _connector(stage, command.connector)
    stage.emit(e.ConnectorNetworkChanged(stage.begin, command.connector, command.online))


# Sensors


def _sensor(stage: Stage, id: str) -> int:
    return find("sensor", stage.depot.sensor_index, id)


def _force_value(stage: Stage, command: c.ForceSensorValue) -> None:
    unit = _SENSOR_UNITS[stage.depot.sensors[_sensor(stage, command.sensor)].quantity]
    value = None
    if command.value is not None:
        try:
            value = int(unit.parse(command.value))
        except ValueError as wrong:
            raise InvalidInput([Fault("/value", repr(command.value), str(wrong))]) from None
    stage.emit(e.SensorValueForced(stage.begin, command.sensor, value))


def _fault_sensor(stage: Stage, command: c.FaultSensor) -> None:
    _sensor(stage, command.sensor)
    if command.mode is SensorMode.NORMAL:
        raise InvalidInput([Fault("/mode", '"NORMAL"', "STUCK or OFFLINE; use clear-sensor-fault to repair a sensor")])
    stage.emit(e.SensorFaulted(stage.begin, command.sensor, command.mode, _until(stage, command.duration)))


def _clear_sensor_fault(stage: Stage, command: c.ClearSensorFault) -> None:
    if stage.world.sensors[_sensor(stage, command.sensor)].mode is SensorMode.NORMAL:
        raise CommandRefused(f"{command.sensor} has no fault", "nothing needs to be done")
    stage.emit(e.SensorFaultCleared(stage.begin, command.sensor))


def _set_sensor_availability(stage: Stage, command: c.SetSensorAvailability) -> None:
    _sensor(stage, command.sensor)
    stage.emit(e.SensorAvailabilityChanged(stage.begin, command.sensor, command.available))


# Nodes


def _node(stage: Stage, id: str) -> int:
    return find("node", stage.depot.node_index, id)


def _set_node_limit(stage: Stage, command: c.SetNodeLimit) -> None:
    _node(stage, command.node)
    stage.emit(e.NodeLimitChanged(stage.begin, command.node, None if command.limit is None else int(command.limit)))


def _start_outage(stage: Stage, command: c.StartNodeOutage) -> None:
    if stage.world.nodes[_node(stage, command.node)].outage:
        raise CommandRefused(f"{command.node} is without power already", "nothing needs to be done")
    stage.emit(e.NodeOutageStarted(stage.begin, command.node))


def _end_outage(stage: Stage, command: c.EndNodeOutage) -> None:
    if not stage.world.nodes[_node(stage, command.node)].outage:
        raise CommandRefused(f"{command.node} has power", "nothing needs to be done")
    stage.emit(e.NodeOutageEnded(stage.begin, command.node))


# Forecasts


def _apply_forecast(stage: Stage, command: c.ApplyForecast) -> None:
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


def _withdraw_forecast(stage: Stage, command: c.WithdrawForecast) -> None:
    find("managed scope", stage.depot.scope_index, command.managed_scope)
    active = _active_forecast(stage, command.managed_scope, command.type)
    if active is None or command.forecast_id not in (None, active.forecast_id):
        wanted = "" if command.forecast_id is None else f" {command.forecast_id!r}"
        raise CommandRefused(
            f"{command.managed_scope} has no active {command.type.value} forecast{wanted}", "nothing needs to be done"
        )
    _end_breach(stage, command.managed_scope, command.type, active)
    stage.emit(e.ScopeForecastWithdrawn(stage.begin, command.managed_scope, active.forecast_id, command.type))


def _active_forecast(stage: Stage, scope: str, type: ForecastType) -> ActiveForecast | None:
    known = stage.world.scope(scope)
    return None if known is None else known.forecasts.get(type)


def _end_breach(stage: Stage, scope: str, type: ForecastType, forecast: ActiveForecast) -> None:
    """A forecast that is no more cannot be breached any longer."""
    if forecast.breached:
        node = stage.depot.scopes[stage.depot.scope_index[scope]].node
        load_w = stage.world.nodes[stage.depot.node_index[node]].load_w
        stage.emit(e.ManagedScopeBreachCleared(stage.begin, scope, node, load_w, forecast.forecast_id, type))


def _set_control_delay(stage: Stage, command: c.SetControlDelay) -> None:
    stage.emit(e.ControlDelayChanged(stage.begin, int(command.delay)))


# Storage, generation, controllers


def _set_bess(stage: Stage, command: c.SetBess) -> None:
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


def _set_bess_soc(stage: Stage, command: c.SetBessStateOfCharge) -> None:
    bess = find("bess", stage.depot.bess_index, command.bess)
    stored = stage.depot.bess[bess].capacity * _share("/soc", command.soc) // PPM
    stage.emit(e.BessStateOfChargeSet(stage.begin, command.bess, stored))


def _set_pv(stage: Stage, command: c.SetPv) -> None:
    state = stage.world.pv[find("pv", stage.depot.pv_index, command.pv)]
    let_through = state.curtailment_ppm if command.let_through is None else _share("/let_through", command.let_through)
    stage.emit(e.PvStateChanged(stage.begin, command.pv, command.power_state or state.power_state, let_through))


def _set_heartbeats(stage: Stage, command: c.SetControllerHeartbeats) -> None:
    state = stage.world.controllers[find("controller", stage.depot.controller_index, command.controller)]
    if state.beating == command.beating:
        said = "sends heartbeats already" if state.beating else "keeps its heartbeats back already"
        raise CommandRefused(f"{command.controller} {said}", "nothing needs to be done")
    stage.emit(e.ControllerHeartbeatsChanged(stage.begin, command.controller, command.beating))


def _set_controller_mode(stage: Stage, command: c.SetControllerMode) -> None:
    find("controller", stage.depot.controller_index, command.controller)
    stage.emit(e.ControllerModeChanged(stage.begin, command.controller, command.mode))


_DECISIONS: Mapping[type[c.Command], Callable[[Stage, Any], None]] = MappingProxyType(
    {
        c.PlugIn: _plug_in,
        c.Unplug: _unplug,
        c.Arrive: _arrive,
        c.Depart: _depart,
        c.StartCharging: _start_charging,
        c.StopCharging: _stop_charging,
        c.SetStateOfCharge: _set_soc,
        c.SetTarget: _set_target,
        c.SetChargingLimit: _set_limit,
        c.SetAvailability: _set_availability,
        c.FaultCharger: _fault_charger,
        c.ClearChargerFault: _clear_charger_fault,
        c.SetConnectorNetwork: _set_network,
        c.ForceSensorValue: _force_value,
        c.FaultSensor: _fault_sensor,
        c.ClearSensorFault: _clear_sensor_fault,
        c.SetSensorAvailability: _set_sensor_availability,
        c.SetNodeLimit: _set_node_limit,
        c.StartNodeOutage: _start_outage,
        c.EndNodeOutage: _end_outage,
        c.ApplyForecast: _apply_forecast,
        c.WithdrawForecast: _withdraw_forecast,
        c.SetControlDelay: _set_control_delay,
        c.SetBess: _set_bess,
        c.SetBessStateOfCharge: _set_bess_soc,
        c.SetPv: _set_pv,
        c.SetControllerHeartbeats: _set_heartbeats,
        c.SetControllerMode: _set_controller_mode,
    }
)
