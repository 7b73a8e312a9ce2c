"""A world as tables: nodes, vehicles, connectors, sensors, storage, generation and controllers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from depot_sim.application.run.views import (
    BessView,
    ConnectorView,
    ControllerView,
    NodeView,
    PvView,
    SensorView,
    VehicleView,
    WorldView,
)

Row = tuple[object, ...]


class Table(NamedTuple):
    """Columns named in `right` hold numbers."""

    columns: tuple[str, ...]
    rows: Sequence[Row]
    right: tuple[str, ...]


_NODES = ("node", "load kW", "limit kW", "state")
_VEHICLES = ("vehicle", "where", "SoC %", "target %", "connector", "duty", "departs")
_CONNECTORS = ("connector", "status", "kW", "limit kW", "kWh", "vehicle")
_SENSORS = ("sensor", "quantity", "value", "unit", "state")
_BESS = ("battery", "state", "kW", "SoC %")
_PV = ("pv", "state", "kW")
_CONTROLLERS = ("controller", "mode", "heartbeat", "state")
_NUMBERS = {"load kW", "limit kW", "kW", "kWh", "SoC %", "target %", "value"}


def tables(world: WorldView) -> Iterator[Table]:
    """One per kind of thing there is in this depot."""
    connectors = [connector for charger in world.chargers for connector in charger.connectors]
    for columns, rows in (
        (_NODES, [_node(node) for node in world.nodes]),
        (_VEHICLES, [_vehicle(vehicle) for vehicle in world.vehicles]),
        (_CONNECTORS, [_connector(connector) for connector in connectors]),
        (_SENSORS, [_sensor(sensor) for sensor in world.sensors]),
        (_BESS, [_bess(bess) for bess in world.bess]),
        (_PV, [_pv(pv) for pv in world.pv]),
        (_CONTROLLERS, [_controller(controller) for controller in world.controllers]),
    ):
        if rows:
            yield Table(columns, rows, tuple(name for name in columns if name in _NUMBERS))


def _node(node: NodeView) -> Row:
    return node.id, _kw(node.load_w), _kw(node.limit_w), _node_flags(node)


def _node_flags(node: NodeView) -> str:
    above = any(forecast.breached for forecast in node.forecasts)
    return _flags(outage=node.outage, breached=node.breached, above_forecast=above)


def _vehicle(vehicle: VehicleView) -> Row:
    soc, target = _percent(vehicle.soc_ppm), _percent(vehicle.target_soc_ppm)
    departs = _time_of_day(vehicle.departs_at)
    return vehicle.id, _word(vehicle.presence), soc, target, vehicle.connector, vehicle.duty, departs


def _connector(connector: ConnectorView) -> Row:
    power, limit, energy = _kw(connector.power_w), _kw(connector.limit_w), f"{connector.energy_wh / 1_000:,.1f}"
    return connector.id, _word(connector.status), power, limit, energy, connector.vehicle


def _sensor(sensor: SensorView) -> Row:
    return sensor.id, sensor.quantity.lower().replace("_", " "), sensor.value, sensor.unit, _word(sensor.mode)


def _bess(bess: BessView) -> Row:
    return bess.id, _word(bess.power_state), _kw(bess.power_w), _percent(bess.soc_ppm)


def _pv(pv: PvView) -> Row:
    return pv.id, _word(pv.power_state), _kw(pv.power_w)


def _controller(controller: ControllerView) -> Row:
    return controller.id, _word(controller.mode), _word(controller.heartbeat), _flags(fail_safe=controller.fail_safe)


def _kw(watts: int | None) -> str:
    return "" if watts is None else f"{watts / 1_000:,.1f}"


def _percent(ppm: int) -> str:
    return f"{ppm / 10_000:.1f}"


def _word(state: Enum) -> str:
    return str(state.value).lower().replace("_", " ")


def _flags(**flags: bool) -> str:
    return ", ".join(name.replace("_", " ") for name, is_set in flags.items() if is_set) or "ok"


def _time_of_day(time: str | None) -> str:
    return "" if time is None else datetime.fromisoformat(time).strftime("%a %H:%M")
