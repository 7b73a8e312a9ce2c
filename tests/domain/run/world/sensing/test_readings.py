"""What a charge point, its meter and a sensor's link show at a moment."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.configuration.document import Authorisation, CurrentKind, Node, Sensor
from depot_sim.domain.kernel.noise import Noise
from depot_sim.domain.kernel.quantities import PPM, Duration, Power, Share
from depot_sim.domain.run.commands import (
    ClearChargerFault,
    Command,
    EndNodeOutage,
    FaultCharger,
    SetAvailability,
    SetChargingLimit,
    SetNodeLimit,
    StartNodeOutage,
    StopCharging,
)
from depot_sim.domain.run.world.sensing.meters import ERROR_LIMIT_PPM
from depot_sim.domain.run.world.sensing.readings import (
    ConnectorStatus,
    Electrical,
    SensorHeartbeat,
    charger_meter_mj,
    connector_status,
    electrical,
    power_factor_ppm,
    sensor_heartbeat,
)
from depot_sim.domain.run.world.state import NOBODY, SensorState
from tests.domain.run.world.depots import HOUR, KW, KWH, MINUTE, SECOND, Simulation, charger, document, vehicle


def stand(*, bus: dict[str, Any] | None = None, **changes: Any) -> Simulation:
    """A bus at half charge, as `bus` changes it, plugged in for a minute at the one connector of a charger."""
    simulation = empty_stand(vehicles=(vehicle(**bus or {}),), **changes)
    simulation.advance(MINUTE)
    return simulation


def empty_stand(vehicles: tuple[Any, ...] = (), **changes: Any) -> Simulation:
    nodes = [Node(id="grid"), Node(id="feeder", parent="grid")]
    return Simulation(document(nodes=nodes, chargers=(charger(node="feeder", **changes),), vehicles=vehicles))


def status(simulation: Simulation, at: int | None = None) -> ConnectorStatus:
    return connector_status(simulation.depot, simulation.world, 0, simulation.world.at if at is None else at)


def shown(simulation: Simulation, at: int | None = None) -> Electrical:
    return electrical(simulation.depot, simulation.world, 0, simulation.world.at if at is None else at)


# Status


def test_a_connector_without_a_bus_is_available() -> None:
    assert status(empty_stand()) is ConnectorStatus.AVAILABLE


def test_a_bus_that_draws_power_is_charging() -> None:
    assert status(stand()) is ConnectorStatus.CHARGING


def test_a_bus_that_waits_for_the_platform_to_start_is_preparing() -> None:
    assert status(stand(authorisation=Authorisation.REMOTE)) is ConnectorStatus.PREPARING


def test_a_session_in_its_dead_time_is_preparing_and_suspended_when_nothing_flows_after_it() -> None:
    simulation = stand(dead_time=Duration(90 * SECOND))
    assert status(simulation, 90 * SECOND - 1) is ConnectorStatus.PREPARING
    assert status(simulation, 90 * SECOND) is ConnectorStatus.SUSPENDED_EVSE
    simulation.advance(2 * MINUTE)
    assert status(simulation) is ConnectorStatus.CHARGING


@pytest.mark.parametrize(
    "nothing", [SetChargingLimit(connector="c1/1", limit=Power(0)), SetNodeLimit(node="grid", limit=Power(0))]
)
def test_a_session_that_is_granted_nothing_is_suspended_by_the_charger(nothing: Command) -> None:
    simulation = stand()
    simulation.command(nothing)
    simulation.advance(2 * MINUTE)
    assert status(simulation) is ConnectorStatus.SUSPENDED_EVSE


def test_a_bus_at_its_target_is_suspended_by_the_bus() -> None:
    full = {"target_soc": Share.parse("50 %")}
    assert status(stand(bus=full)) is ConnectorStatus.SUSPENDED_EV


def test_a_session_that_was_stopped_is_finishing_until_the_bus_leaves() -> None:
    simulation = stand()
    simulation.command(StopCharging(connector="c1/1"))
    assert status(simulation) is ConnectorStatus.FINISHING


@pytest.mark.parametrize(
    ("out", "back"),
    [
        (SetAvailability(target="c1", available=False), SetAvailability(target="c1", available=True)),
        (SetAvailability(target="c1/1", available=False), SetAvailability(target="c1/1", available=True)),
        (StartNodeOutage(node="feeder"), EndNodeOutage(node="feeder")),
        (StartNodeOutage(node="grid"), EndNodeOutage(node="grid")),
    ],
)
def test_out_of_service_or_without_power_it_is_unavailable_with_a_bus_and_without(out: Command, back: Command) -> None:
    for simulation, usual in ((stand(), ConnectorStatus.CHARGING), (empty_stand(), ConnectorStatus.AVAILABLE)):
        simulation.command(out)
        assert status(simulation) is ConnectorStatus.UNAVAILABLE
        simulation.command(back)
        simulation.advance(simulation.world.at + MINUTE)
        assert status(simulation) is usual


def test_a_fault_is_told_before_everything_else() -> None:
    simulation = stand()
    simulation.command(SetAvailability(target="c1", available=False))
    simulation.command(FaultCharger(charger="c1"))
    assert status(simulation) is ConnectorStatus.FAULTED
    simulation.command(ClearChargerFault(charger="c1"))
    assert status(simulation) is ConnectorStatus.UNAVAILABLE


# Voltage, current, power factor


@pytest.mark.parametrize(("soc", "millivolts"), [(0, 600_000), (50, 660_000), (100, 720_000)])
def test_direct_voltage_rises_with_the_state_of_charge(soc: int, millivolts: int) -> None:
    simulation = stand(bus={"initial_soc": Share(soc * 10_000)}, authorisation=Authorisation.REMOTE)
    assert shown(simulation) == Electrical(0, millivolts, 0, PPM)


def test_direct_voltage_follows_the_battery_between_ticks() -> None:
    simulation = stand()
    stored = 200 * KWH + 150 * KW * HOUR * 95 // 100
    assert shown(simulation, HOUR).voltage_mv == 600_000 + 120_000 * stored // (400 * KWH)


def test_direct_current_is_power_by_voltage() -> None:
    reading = shown(stand())
    assert reading.phases == 0
    assert reading.current_ma / 1_000 * reading.voltage_mv / 1_000 == pytest.approx(150 * KW, rel=1e-5)


def test_a_direct_current_connector_without_a_bus_has_no_voltage() -> None:
    assert shown(empty_stand()) == Electrical(0, 0, 0, PPM)


def test_alternating_current_counts_all_phases_and_the_power_factor() -> None:
    reading = shown(stand(kind=CurrentKind.AC, rating=Power(80 * KW)))
    assert (reading.phases, reading.voltage_mv, reading.power_factor_ppm) == (3, 400_000, 990_000)
    assert reading.current_ma / 1_000 == pytest.approx(80 * KW / (sqrt(3) * 400 * 0.99), rel=2e-3)


def test_an_idle_alternating_current_connector_has_voltage_and_no_current() -> None:
    assert shown(empty_stand(kind=CurrentKind.AC)) == Electrical(3, 400_000, 0, 950_000)


@pytest.mark.parametrize(
    ("power_w", "factor"),
    [(0, 950_000), (20_000, 950_000), (20_001, 980_000), (50_000, 980_000), (50_001, 990_000), (100_000, 990_000)],
)
def test_the_power_factor_falls_at_half_and_at_a_fifth_of_the_rating(power_w: int, factor: int) -> None:
    assert power_factor_ppm(power_w, 100_000) == factor


# A sensor's link


SENSOR = Sensor(id="x", node="grid", cadence=Duration(MINUTE))


@pytest.mark.parametrize(
    ("age", "heartbeat"),
    [
        (0, SensorHeartbeat.OK),
        (90 * SECOND, SensorHeartbeat.OK),
        (90 * SECOND + 1, SensorHeartbeat.LATE),
        (180 * SECOND - 1, SensorHeartbeat.LATE),
        (180 * SECOND, SensorHeartbeat.LOST),
        (24 * HOUR, SensorHeartbeat.LOST),
    ],
)
def test_a_sensor_is_late_after_one_and_a_half_and_lost_after_three_cadences(
    age: int, heartbeat: SensorHeartbeat
) -> None:
    assert sensor_heartbeat(SENSOR, SensorState(read_at=7), 7 + age) is heartbeat


def test_a_sensor_that_never_read_anything_says_so_however_late_it_is() -> None:
    assert sensor_heartbeat(SENSOR, SensorState(read_at=NOBODY), 24 * HOUR) is SensorHeartbeat.NEVER


# The charger's meter


CHARGING = stand()


@given(st.integers(-(2**63), 2**63 - 1), st.lists(st.integers(0, 2 * HOUR), min_size=2, max_size=10))
def test_a_charger_s_meter_never_falls_and_is_wrong_by_one_share_within_its_class(
    seed: int, moments: list[int]
) -> None:
    simulation, noise = CHARGING, Noise(seed)
    registers = [charger_meter_mj(simulation.depot, simulation.world, 0, noise, at) for at in sorted(moments)]
    assert registers == sorted(registers)
    assert charger_meter_mj(simulation.depot, simulation.world, 0, noise, 0) == 0
    true = simulation.connector().energy_at(HOUR)
    error = charger_meter_mj(simulation.depot, simulation.world, 0, noise, HOUR) - true
    later = charger_meter_mj(simulation.depot, simulation.world, 0, noise, 2 * HOUR) - 2 * true
    assert abs(error) <= true * ERROR_LIMIT_PPM // PPM
    assert 2 * error <= later <= 2 * error + 1
