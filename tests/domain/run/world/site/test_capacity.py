"""What a node has for charging."""

from __future__ import annotations

from hypothesis import given

from depot_sim.domain.configuration.document import Bess, LoadStep, MicrogridController, Node, ProfileStep, PvArray
from depot_sim.domain.kernel.quantities import ClockTime, Energy, Power, Share, SignedPower
from depot_sim.domain.run.commands import (
    SetBess,
    SetControllerHeartbeats,
    SetControllerMode,
    SetNodeLimit,
    StartNodeOutage,
)
from depot_sim.domain.run.events import FailSafeEntered, FailSafeLeft
from depot_sim.domain.run.world.site.capacity import charging_capacities
from depot_sim.domain.run.world.state import Control, ControllerMode
from tests.domain.run.world.depots import KW, KWH, MINUTE, Simulation, charger, document, vehicle
from tests.domain.run.world.stories import Story, stories
from tests.domain.run.world.test_world import begin, take

ALL_DAY = ClockTime("00:00")


def site() -> Simulation:
    """Grid 200 kW, less 30 kW of lights; roof below it with 50 kW of sun and a 40 kW battery; a yard of 120 kW."""
    return Simulation(
        document(
            nodes=[
                Node(
                    id="grid",
                    limit=Power(200 * KW),
                    fail_safe_limit=Power(60 * KW),
                    other_load=(LoadStep(ALL_DAY, Power(30 * KW)),),
                ),
                Node(id="roof", parent="grid"),
                Node(id="yard", parent="grid", limit=Power(120 * KW)),
            ],
            chargers=(charger("c1", node="yard"), charger("c2", node="yard")),
            vehicles=(vehicle("b1"), vehicle("b2")),
            pv=(PvArray(id="sun", node="roof", peak=Power(50 * KW), profile=(ProfileStep(ALL_DAY, Share(10**6)),)),),
            bess=(Bess(id="s", node="roof", capacity=Energy(400 * KWH), rating=Power(40 * KW)),),
            microgrid_controllers=(MicrogridController(id="m", node="grid"),),
        )
    )


def capacity(simulation: Simulation, node: str = "grid") -> int | None:
    return charging_capacities(simulation.depot, simulation.world)[simulation.depot.node_index[node]]


def test_limit_less_other_load_plus_what_sun_and_battery_add() -> None:
    simulation = site()
    assert capacity(simulation) == (200 - 30 + 50 + 40) * KW
    assert capacity(simulation, "yard") == 120 * KW


def test_the_least_on_the_way_up_counts() -> None:
    simulation = site()
    simulation.command(SetNodeLimit(node="grid", limit=Power(20 * KW)))
    assert capacity(simulation, "yard") == capacity(simulation) == (20 - 30 + 50 + 40) * KW


def test_it_is_never_below_nothing_and_nothing_in_an_outage() -> None:
    simulation = site()
    simulation.command(StartNodeOutage(node="roof"))
    simulation.command(SetNodeLimit(node="grid", limit=Power(20 * KW)))
    assert capacity(simulation) == 0
    simulation.command(SetNodeLimit(node="grid", limit=None))
    assert capacity(simulation) == (200 - 30) * KW
    simulation.command(StartNodeOutage(node="grid"))
    assert capacity(simulation, "yard") == 0


def test_fail_safe_and_an_island_cut_it() -> None:
    simulation = site()
    simulation.command(SetControllerHeartbeats(controller="m", beating=False))
    simulation.advance(5 * MINUTE)
    assert capacity(simulation) == (60 - 30 + 50 + 40) * KW
    simulation.command(SetControllerMode(controller="m", mode=ControllerMode.ISLANDED))
    assert capacity(simulation) == (0 - 30 + 50 + 40) * KW


def test_a_battery_that_is_told_to_charge_takes_its_share() -> None:
    simulation = site()
    simulation.command(SetBess(bess="s", control=Control.LOCAL, setpoint=SignedPower(25 * KW)))
    assert capacity(simulation) == (200 - 30 + 50 - 25) * KW


def test_without_any_limit_there_is_no_capacity_to_tell() -> None:
    simulation = Simulation(document())
    assert capacity(simulation) is None


@given(stories())
def test_no_tick_grants_more_than_the_capacity_before_it(story: Story) -> None:
    simulation = begin(story)
    depot, world = simulation.depot, simulation.world
    for step in story.steps:
        if not isinstance(step, int):
            take(simulation, step)
            continue
        before = charging_capacities(depot, world, step)
        begun_at = world.at
        events = simulation.advance(begun_at + step, step)
        if any(isinstance(event, FailSafeEntered | FailSafeLeft) and event.at == begun_at for event in events):
            continue  # the limit itself changed as the tick began
        for node, most in enumerate(before):
            drawn = sum(world.connectors[connector].power_w for connector in depot.connectors_below[node])
            assert most is None or drawn <= most, depot.nodes[node].node.id


def test_the_horizon_is_how_long_storage_has_to_last() -> None:
    simulation = site()
    simulation.world.bess[0].stored_mj = 41 * KWH  # 1 kWh above the lower bound
    minute, hour = (charging_capacities(simulation.depot, simulation.world, ms)[0] for ms in (MINUTE, 60 * MINUTE))
    assert minute is not None
    assert hour is not None
    assert minute - hour > 38 * KW
