"""Seeded random trouble."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.configuration.document import DisturbanceProfile, LateReturns, RandomOutages, Sensor
from depot_sim.domain.kernel.noise import Noise
from depot_sim.domain.kernel.quantities import PPM, Duration, Share
from depot_sim.domain.run.events import (
    ChargerFaultCleared,
    ChargerFaulted,
    ChargingStarted,
    ChargingStopped,
    RunTicked,
    SensorFaultCleared,
    SensorFaulted,
    StopReason,
    VehicleArrived,
)
from depot_sim.domain.run.world.disturbances import NO_OUTAGE, TYPICAL, Outage, next_outage
from depot_sim.domain.run.world.event_queue import Agenda
from depot_sim.domain.run.world.tick_context import TickContext
from tests.domain.run.world.depots import DAY, HOUR, MINUTE, SECOND, Simulation, charger, document, duty, vehicle

DAILY = RandomOutages(per_day=Share(PPM), duration=Duration(30 * MINUTE))


def outages(of: RandomOutages, until: int, unit: str = "charger/c1") -> list[Outage]:
    found, at = [], 0
    while (outage := next_outage(Noise(7), unit, of, at, until)) != NO_OUTAGE:
        found.append(outage)
        at = outage.begins_at + 1
    return found


def test_units_fail_as_often_as_they_are_said_to_for_about_as_long() -> None:
    found = [outage for unit in range(100) for outage in outages(DAILY, 20 * DAY, f"charger/c{unit}")]
    assert len(found) == pytest.approx(2_000, rel=0.07)
    lengths = [outage.ends_at - outage.begins_at for outage in found]
    assert all(15 * MINUTE <= length <= 45 * MINUTE for length in lengths)
    assert sum(lengths) / len(lengths) == pytest.approx(30 * MINUTE, rel=0.03)


def test_outages_come_at_any_time_of_the_hour() -> None:
    moments = [outage.begins_at % HOUR for outage in outages(DAILY, 300 * DAY)]
    assert min(moments) < 5 * MINUTE
    assert max(moments) > 55 * MINUTE


def test_what_never_fails_never_fails() -> None:
    assert next_outage(Noise(7), "c", RandomOutages(per_day=Share(0)), 0, 100 * DAY) == NO_OUTAGE


@given(st.integers(0, 30 * DAY), st.integers(0, 30 * DAY))
def test_the_outages_to_come_do_not_depend_on_when_one_asks(early: int, late: int) -> None:
    early, late = sorted((early, late))
    end = late + 30 * DAY
    first = next_outage(Noise(7), "c", DAILY, early, end)
    assert early <= first.begins_at < end
    if first.begins_at >= late:
        assert next_outage(Noise(7), "c", DAILY, late, end) == first
    assert next_outage(Noise(7), "c", DAILY, early, first.begins_at) == NO_OUTAGE
    assert next_outage(Noise(7), "c", DAILY, early, first.begins_at + 1) == first


def test_a_thousand_units_that_hardly_ever_fail_cost_a_resume_next_to_nothing() -> None:
    site = document(chargers=tuple(charger(f"c{i}") for i in range(1_000)))
    seldom = RandomOutages(per_day=Share.parse("0.1 %"))
    simulation = Simulation(site, disturbances=DisturbanceProfile(id="d", charger_faults=seldom))
    draws = 0

    class Counting(Noise):
        def uniform(self, stream: str, index: int, below: int) -> int:
            nonlocal draws
            draws += 1
            return super().uniform(stream, index, below)

    Agenda(simulation.depot, simulation.world, Counting(7)).open(TickContext(simulation.evolution, Noise(7), 0, MINUTE))
    assert draws < 30_000


def disturbed(tick: int, until: int = 2 * DAY) -> Simulation:
    """Everything that can go wrong, often."""
    often = RandomOutages(per_day=Share(24 * PPM), duration=Duration(20 * MINUTE))
    profile = DisturbanceProfile(
        id="d", late_returns=LateReturns(probability=Share(PPM // 2)), charger_faults=often, sensor_dropouts=often
    )
    site = document(
        chargers=(charger("c1"), charger("c2")),
        vehicles=tuple(vehicle(f"b{i}", duties=(duty("05:00", "19:00"),)) for i in (1, 2)),
        sensors=(Sensor(id="m", node="grid"),),
    )
    simulation = Simulation(site, disturbances=profile)
    simulation.advance(until, tick)
    return simulation


def test_trouble_comes_at_the_same_moments_whatever_the_tick() -> None:
    """One second, one minute, a quarter and five hours: the same faults, the same late buses, the same energy."""
    kinds = (ChargerFaulted, ChargerFaultCleared, SensorFaulted, SensorFaultCleared, VehicleArrived)
    runs = [disturbed(tick, DAY) for tick in (5 * SECOND, MINUTE, 15 * MINUTE, 5 * HOUR)]
    for run in runs[1:]:
        assert run.of(*kinds) == runs[0].of(*kinds)
    energies = [sum(state.energy_at(DAY) for state in run.world.connectors) for run in runs]
    assert max(energies) - min(energies) < 150_000 * 100  # mJ: a whole ms at each stop and start


def test_charging_stops_with_the_fault_and_goes_on_when_it_clears() -> None:
    run = disturbed(MINUTE)
    stops = [event for event in run.of(ChargingStopped) if event.reason is StopReason.CHARGER_FAULT]
    assert stops
    faults = {(event.charger, event.at) for event in run.of(ChargerFaulted)}
    clears = {(event.charger, event.at) for event in run.of(ChargerFaultCleared)}
    starts = {(event.connector.split("/")[0], event.at) for event in run.of(ChargingStarted)}
    for stop in stops:
        assert (stop.connector.split("/")[0], stop.at) in faults
    assert clears & starts


def test_a_unit_that_is_down_does_not_fail_again() -> None:
    state = {"c1": False, "c2": False}
    for event in disturbed(HOUR).of(ChargerFaulted, ChargerFaultCleared):
        failing = isinstance(event, ChargerFaulted)
        assert state[event.charger] is not failing
        state[event.charger] = failing


def test_time_is_in_order_however_many_faults_fall_into_one_tick() -> None:
    run = disturbed(5 * HOUR)
    assert all(earlier.at <= later.at for earlier, later in pairwise(run.events))
    assert len(run.of(ChargerFaulted)) > 2 * len(run.of(RunTicked))


def test_the_typical_profile_is_mild() -> None:
    assert TYPICAL.late_returns is not None
    assert TYPICAL.late_returns.probability <= Share.parse("20 %")
    assert TYPICAL.charger_faults is not None
    assert TYPICAL.charger_faults.per_day <= Share.parse("5 %")
