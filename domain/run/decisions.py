"""What each command does to the world, or why not. Decisions emit events; a refusal raises CommandRefused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from depot_sim.domain.configuration.document import SensorQuantity
from depot_sim.domain.kernel.errors import CommandRefused, Fault, InvalidInput
from depot_sim.domain.kernel.quantities import PPM, Duration, Energy, Quantity, Share, SignedPower, Temperature
from depot_sim.domain.run import commands as c
from depot_sim.domain.run import events as e
from depot_sim.domain.run.site_decisions import SITE_DECISIONS, share_of
from depot_sim.domain.run.world.depot import find
from depot_sim.domain.run.world.fleet import vehicle_schedule
from depot_sim.domain.run.world.state import NOBODY, Presence, SensorMode
from depot_sim.domain.run.world.tick_context import TickContext, present_battery_mj

_SENSOR_UNITS: Mapping[SensorQuantity, type[Quantity]] = MappingProxyType(
    {
        SensorQuantity.ACTIVE_POWER: SignedPower,
        SensorQuantity.ENERGY_IMPORT: Energy,
        SensorQuantity.SOC: Share,
        SensorQuantity.AMBIENT_TEMPERATURE: Temperature,
    }
)


def decide(stage: TickContext, command: c.Command) -> None:
    """Carry a command out now. Raises NotFound, InvalidInput or CommandRefused; then nothing has happened."""
    _DECISIONS[type(command)](stage, command)


def _vehicle(stage: TickContext, id: str) -> int:
    return find("vehicle", stage.depot.vehicle_index, id)


def _connector(stage: TickContext, id: str) -> int:
    return find("connector", stage.depot.connector_index, id)


def _until(stage: TickContext, duration: Duration | None) -> int:
    return -1 if duration is None else stage.begin + duration


# Vehicles


def _plug_in(stage: TickContext, command: c.PlugIn) -> None:
    vehicle = _vehicle(stage, command.vehicle)
    if stage.world.vehicles[vehicle].presence is not Presence.PARKED:
        raise CommandRefused(f"{command.vehicle} is {_presence(stage, vehicle)}", "only a parked bus can be plugged in")
    if command.connector is None:
        vehicle_schedule.find_a_plug(stage, vehicle, stage.begin)
        if stage.world.vehicles[vehicle].presence is not Presence.PLUGGED:
            raise CommandRefused(
                f"no connector is free for {command.vehicle}", "unplug a bus first, or name a connector"
            )
        return
    connector = _connector(stage, command.connector)
    if stage.world.connectors[connector].vehicle != NOBODY:
        raise CommandRefused(f"{command.connector} is taken", "unplug the bus there first, or name a free connector")
    vehicle_schedule.plug_in(stage, vehicle, connector, stage.begin)


def _unplug(stage: TickContext, command: c.Unplug) -> None:
    vehicle = _vehicle(stage, command.vehicle)
    if stage.world.vehicles[vehicle].presence is not Presence.PLUGGED:
        raise CommandRefused(f"{command.vehicle} is {_presence(stage, vehicle)}", "only a plugged bus can be unplugged")
    vehicle_schedule.unplug(stage, vehicle, stage.begin)


def _arrive(stage: TickContext, command: c.Arrive) -> None:
    vehicle = _vehicle(stage, command.vehicle)
    if stage.world.vehicles[vehicle].presence is not Presence.AWAY:
        raise CommandRefused(f"{command.vehicle} is in the depot already", "only a bus that is away can arrive")
    if command.soc is None:
        battery = present_battery_mj(stage.depot, stage.world, vehicle, stage.begin)
    else:
        battery = stage.depot.vehicles[vehicle].type.battery * share_of("/soc", command.soc) // PPM
    vehicle_schedule.arrive(stage, vehicle, stage.begin, battery)


def _depart(stage: TickContext, command: c.Depart) -> None:
    vehicle = _vehicle(stage, command.vehicle)
    state = stage.world.vehicles[vehicle]
    if state.presence is Presence.AWAY:
        raise CommandRefused(f"{command.vehicle} is away already", "only a bus in the depot can depart")
    if command.returns_after is None:
        if state.duty == NOBODY:
            raise CommandRefused(f"{command.vehicle} has no duty to leave for", "say returns_after and energy")
        vehicle_schedule.depart(stage, vehicle, stage.begin)
        return
    if state.presence is Presence.PLUGGED:
        vehicle_schedule.unplug(stage, vehicle, stage.begin)
    returns_at, energy = stage.begin + command.returns_after, int(command.energy or 0)
    battery = stage.world.vehicles[vehicle].battery_mj
    stage.emit(e.VehicleDeparted(stage.begin, command.vehicle, state.duty, returns_at, energy, battery))


def _set_soc(stage: TickContext, command: c.SetStateOfCharge) -> None:
    vehicle = _vehicle(stage, command.vehicle)
    battery = stage.depot.vehicles[vehicle].type.battery * share_of("/soc", command.soc) // PPM
    if stage.world.vehicles[vehicle].presence is Presence.AWAY:
        raise CommandRefused(f"{command.vehicle} is away", "set the state of charge with arrive, or once it is back")
    stage.emit(e.VehicleStateOfChargeSet(stage.begin, command.vehicle, battery))


def _set_target(stage: TickContext, command: c.SetTarget) -> None:
    _vehicle(stage, command.vehicle)
    stage.emit(e.VehicleTargetSet(stage.begin, command.vehicle, share_of("/soc", command.soc)))


def _presence(stage: TickContext, vehicle: int) -> str:
    return stage.world.vehicles[vehicle].presence.value.lower()


# Chargers and connectors


def _start_charging(stage: TickContext, command: c.StartCharging) -> None:
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


def _stop_charging(stage: TickContext, command: c.StopCharging) -> None:
    connector = _connector(stage, command.connector)
    if not stage.world.connectors[connector].charging:
        raise CommandRefused(f"{command.connector} is not charging", "nothing needs to be done")
    stage.stop_charging(connector, stage.begin, e.StopReason.COMMAND)


def _set_limit(stage: TickContext, command: c.SetChargingLimit) -> None:
    _connector(stage, command.connector)
    limit = None if command.limit is None else int(command.limit)
    stage.emit(e.ChargingLimitApplied(stage.begin, command.connector, limit))


def _set_availability(stage: TickContext, command: c.SetAvailability) -> None:
    if command.target not in stage.depot.connector_index:
        find("charger or connector", stage.depot.charger_index, command.target)
    stage.emit(e.AvailabilityChanged(stage.begin, command.target, command.available))


def _fault_charger(stage: TickContext, command: c.FaultCharger) -> None:
    charger = find("charger", stage.depot.charger_index, command.charger)
    if stage.world.chargers[charger].fault:
        raise CommandRefused(f"{command.charger} has a fault already", "clear it first")
    if not command.code:
        raise InvalidInput([Fault("/code", '""', 'an error code such as "InternalError"')])
    stage.emit(e.ChargerFaulted(stage.begin, command.charger, command.code, _until(stage, command.duration)))


def _clear_charger_fault(stage: TickContext, command: c.ClearChargerFault) -> None:
    charger = find("charger", stage.depot.charger_index, command.charger)
    if not stage.world.chargers[charger].fault:
        raise CommandRefused(f"{command.charger} has no fault", "nothing needs to be done")
    stage.emit(e.ChargerFaultCleared(stage.begin, command.charger))


def _set_network(stage: TickContext, command: c.SetConnectorNetwork) -> None:
    _connector(stage, command.connector)
    stage.emit(e.ConnectorNetworkChanged(stage.begin, command.connector, command.online))


# Sensors


def _sensor(stage: TickContext, id: str) -> int:
    return find("sensor", stage.depot.sensor_index, id)


def _force_value(stage: TickContext, command: c.ForceSensorValue) -> None:
    unit = _SENSOR_UNITS[stage.depot.sensors[_sensor(stage, command.sensor)].quantity]
    value = None
    if command.value is not None:
        try:
            value = int(unit.parse(command.value))
        except ValueError as wrong:
            raise InvalidInput([Fault("/value", repr(command.value), str(wrong))]) from None
    stage.emit(e.SensorValueForced(stage.begin, command.sensor, value))


def _fault_sensor(stage: TickContext, command: c.FaultSensor) -> None:
    _sensor(stage, command.sensor)
    if command.mode is SensorMode.NORMAL:
        raise InvalidInput([Fault("/mode", '"NORMAL"', "STUCK or OFFLINE; use clear-sensor-fault to repair a sensor")])
    stage.emit(e.SensorFaulted(stage.begin, command.sensor, command.mode, _until(stage, command.duration)))


def _clear_sensor_fault(stage: TickContext, command: c.ClearSensorFault) -> None:
    if stage.world.sensors[_sensor(stage, command.sensor)].mode is SensorMode.NORMAL:
        raise CommandRefused(f"{command.sensor} has no fault", "nothing needs to be done")
    stage.emit(e.SensorFaultCleared(stage.begin, command.sensor))


def _set_sensor_availability(stage: TickContext, command: c.SetSensorAvailability) -> None:
    _sensor(stage, command.sensor)
    stage.emit(e.SensorAvailabilityChanged(stage.begin, command.sensor, command.available))


_DECISIONS: Mapping[type[c.Command], Callable[[TickContext, Any], None]] = MappingProxyType(
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
        **SITE_DECISIONS,
    }
)
