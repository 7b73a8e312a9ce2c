"""Quantities derived from the state at a moment: connector status, voltage, current, power factor, meter registers."""

from __future__ import annotations

from enum import Enum
from math import isqrt
from typing import NamedTuple

from depot_sim.domain.configuration.document import CurrentKind, Sensor
from depot_sim.domain.kernel.noise import Noise
from depot_sim.domain.kernel.quantities import PPM
from depot_sim.domain.run.events import StopReason
from depot_sim.domain.run.world.charging.segment import plugged_battery_mj
from depot_sim.domain.run.world.depot import Depot
from depot_sim.domain.run.world.sensing.meters import gain_ppm
from depot_sim.domain.run.world.state import NOBODY, SensorState, World


class ConnectorStatus(Enum):
    """The states a charge point shows (names of OCPP 1.6 §4.9, without the reservations)."""

    AVAILABLE = "AVAILABLE"
    PREPARING = "PREPARING"
    CHARGING = "CHARGING"
    SUSPENDED_EV = "SUSPENDED_EV"
    SUSPENDED_EVSE = "SUSPENDED_EVSE"
    FINISHING = "FINISHING"
    UNAVAILABLE = "UNAVAILABLE"
    FAULTED = "FAULTED"


class SensorHeartbeat(Enum):
    """OK while readings keep their cadence, LATE after one and a half, LOST after three, NEVER before the first."""

    OK = "OK"
    LATE = "LATE"
    LOST = "LOST"
    NEVER = "NEVER"


class Electrical(NamedTuple):
    """At the vehicle side for DC, at the connector for AC: phase-to-phase voltage, current per conductor."""

    phases: int
    voltage_mv: int
    current_ma: int
    power_factor_ppm: int


def connector_status(depot: Depot, world: World, connector: int, at: int) -> ConnectorStatus:
    spec, state = depot.connectors[connector], world.connectors[connector]
    charger = world.chargers[spec.charger]
    if charger.fault:
        return ConnectorStatus.FAULTED
    if not (state.available and charger.available) or any(world.nodes[node].outage for node in spec.nodes):
        return ConnectorStatus.UNAVAILABLE
    if state.vehicle == NOBODY:
        return ConnectorStatus.AVAILABLE
    if not state.charging:
        return _plugged_status(state.stop_reason)
    if state.power_w > 0:
        return ConnectorStatus.CHARGING
    # Switched on, the bus not full, and nothing flows: the allocation or the platform's limit grants nothing.
    return ConnectorStatus.PREPARING if at < state.energised_at else ConnectorStatus.SUSPENDED_EVSE


def _plugged_status(stop_reason: str) -> ConnectorStatus:
    if stop_reason == StopReason.TARGET_REACHED.value:
        return ConnectorStatus.SUSPENDED_EV
    return ConnectorStatus.FINISHING if stop_reason else ConnectorStatus.PREPARING


def electrical(depot: Depot, world: World, connector: int, at: int) -> Electrical:
    """DC: 600 V + 1.2 V per percent of charge. AC: 400 V three-phase, with a power factor that falls at low load."""
    spec, state = depot.connectors[connector], world.connectors[connector]
    if spec.spec.kind is CurrentKind.DC:
        voltage = 0 if state.vehicle == NOBODY else _dc_voltage_mv(depot, world, connector, at)
        current = state.power_w * 1_000_000 // voltage if voltage else 0
        return Electrical(0, voltage, current, PPM)
    factor = power_factor_ppm(state.power_w, spec.rating_w)
    volt_amperes = state.power_w * PPM // factor
    return Electrical(3, 400_000, volt_amperes * 1_000 // isqrt(3 * 400 * 400), factor)


def sensor_heartbeat(sensor: Sensor, state: SensorState, at: int) -> SensorHeartbeat:
    """How long ago the sensor was heard of, against its cadence."""
    if state.read_at == NOBODY:
        return SensorHeartbeat.NEVER
    age = at - state.read_at
    if age >= 3 * sensor.cadence:
        return SensorHeartbeat.LOST
    return SensorHeartbeat.LATE if 2 * age > 3 * sensor.cadence else SensorHeartbeat.OK


def power_factor_ppm(power_w: int, rating_w: int) -> int:
    """0.99 above half load, 0.98 above a fifth, 0.95 below."""
    if 2 * power_w > rating_w:
        return 990_000
    return 980_000 if 5 * power_w > rating_w else 950_000


def charger_meter_mj(depot: Depot, world: World, connector: int, noise: Noise, at: int) -> int:
    """The register a charge point reports: the true one with its meter's fixed gain error."""
    true = world.connectors[connector].energy_at(at)
    return true + true * gain_ppm(noise, depot.connectors[connector].id) // PPM


def _dc_voltage_mv(depot: Depot, world: World, connector: int, at: int) -> int:
    spec, state = depot.connectors[connector], world.connectors[connector]
    battery = plugged_battery_mj(spec, state, world.vehicles[state.vehicle], at)
    return 600_000 + 120_000 * battery // depot.vehicles[state.vehicle].type.battery
