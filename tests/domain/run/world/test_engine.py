"""Whole ticks: what the allocation governs, and what is reconsidered at once."""

from __future__ import annotations

import pytest

from depot_sim.domain.configuration.document import Connector, Node
from depot_sim.domain.kernel.quantities import Power
from depot_sim.domain.run.events import (
    ChargingLimitApplied,
    ControlDelayChanged,
    ManagedScopeBreachDetected,
    RunTicked,
    VehicleTargetSet,
)
from tests.domain.run.world.depots import HOUR, KW, MINUTE, Simulation, charger, document, duty, vehicle


def site(limit: int = 100) -> Simulation:
    """Two hungry buses on chargers of their own."""
    return Simulation(
        document(
            nodes=[Node(id="grid", limit=Power(limit * KW))],
            chargers=(charger("c1"), charger("c2")),
            vehicles=(vehicle("b1", connector="c1/1"), vehicle("b2", connector="c2/1")),
        )
    )


def test_a_control_delay_lets_new_sessions_overshoot_the_limit_until_it_is_over() -> None:
    simulation = site()
    simulation.apply(ControlDelayChanged(0, 10 * MINUTE))
    simulation.advance(MINUTE)
    assert simulation.node().load_w == 300 * KW
    simulation.advance(20 * MINUTE)
    assert simulation.node().load_w == 100 * KW
    assert [event.at for event in simulation.of(ManagedScopeBreachDetected)] == [2 * MINUTE]


def two_outputs() -> Simulation:
    """A charger of 150 kW with two outputs under 100 kW; the second bus comes at 14:05."""
    return Simulation(
        document(
            nodes=[Node(id="grid", limit=Power(100 * KW))],
            chargers=(charger(connectors=(Connector(id="1"), Connector(id="2"))),),
            vehicles=(vehicle("b1"), vehicle("b2", duties=(duty("10:00", "14:05", 0),))),
        )
    )


@pytest.mark.parametrize("tick", [MINUTE, 15 * MINUTE])
def test_a_control_delay_lets_no_charger_exceed_its_own_rating(tick: int) -> None:
    """Neither with both outputs in their delay, nor with one of them governed, nor with one that comes in mid-tick."""
    for delayed_from in (0, 2 * HOUR):
        simulation = two_outputs()
        simulation.advance(delayed_from, HOUR)
        simulation.apply(ControlDelayChanged(delayed_from, 3 * HOUR))
        simulation.advance(2 * HOUR, HOUR)
        loads = []
        while simulation.world.at < 2 * HOUR + 30 * MINUTE:
            simulation.advance(simulation.world.at + tick, tick)
            loads.append(simulation.node().load_w)
        assert 100 * KW < max(loads) <= 150 * KW


def test_a_bus_that_plugs_in_within_a_tick_overshoots_under_control_delay_only() -> None:
    for delay, expected in ((0, 100 * KW), (HOUR, 250 * KW)):
        simulation = Simulation(
            document(
                nodes=[Node(id="grid", limit=Power(100 * KW))],
                chargers=(charger("c1"), charger("c2")),
                vehicles=(vehicle("b1"), vehicle("b2", duties=(duty("10:00", "14:05", 0),))),
            )
        )
        simulation.advance(2 * HOUR, HOUR)
        simulation.apply(ControlDelayChanged(simulation.world.at, delay))
        simulation.advance(2 * HOUR + 15 * MINUTE, 15 * MINUTE)
        others = simulation.connector("c1/1").power_w
        assert simulation.node().load_w == others + simulation.connector("c2/1").power_w
        assert simulation.node().load_w <= expected


def test_a_platform_limit_frees_power_for_others_in_the_next_tick() -> None:
    simulation = site()
    simulation.advance(MINUTE)
    simulation.apply(ChargingLimitApplied(simulation.world.at, "c1/1", 30 * KW))
    simulation.advance(2 * MINUTE)
    assert [state.power_w for state in simulation.world.connectors] == [30 * KW, 70 * KW]
    simulation.apply(ChargingLimitApplied(simulation.world.at, "c1/1", None))
    simulation.advance(3 * MINUTE)
    assert [state.power_w for state in simulation.world.connectors] == [100 * KW, 0]


def test_a_lower_target_ends_charging_and_a_higher_one_goes_on() -> None:
    simulation = site(1_000)
    simulation.advance(MINUTE)
    simulation.apply(VehicleTargetSet(simulation.world.at, "b1", 400_000))
    simulation.advance(2 * MINUTE)
    assert not simulation.connector("c1/1").charging
    simulation.apply(VehicleTargetSet(simulation.world.at, "b1", 900_000))
    simulation.advance(3 * MINUTE)
    assert simulation.connector("c1/1").power_w == 150 * KW


def test_a_tick_without_change_records_nothing_but_its_time() -> None:
    simulation = site(1_000)
    simulation.advance(2 * MINUTE)
    assert simulation.events[-1] == RunTicked(2 * MINUTE)
