"""Room, peak shaving and the export clamp, seen from outside: one tick of small depots."""

from __future__ import annotations

from typing import Any

import pytest

from depot_sim.domain.configuration.document import (
    AllocationPolicy,
    Bess,
    Connector,
    LoadStep,
    MicrogridController,
    Node,
    ProfileStep,
    PvArray,
    Vehicle,
)
from depot_sim.domain.kernel.quantities import ClockTime, Duration, Energy, Power, Share, ShareRate
from depot_sim.domain.run.events import (
    BessStateChanged,
    ControllerHeartbeatsChanged,
    ControllerModeChanged,
    NodeLimitChanged,
    NodeOutageEnded,
    NodeOutageStarted,
)
from depot_sim.domain.run.world.charging.limits import Constraint, limit_in_force
from depot_sim.domain.run.world.state import Control, ControllerMode, Dispatch, PowerState
from tests.domain.run.world.depots import HOUR, KW, KWH, MINUTE, SECOND, Simulation, charger, document, vehicle


def pv(kw: int, node: str = "grid", id: str = "pv") -> PvArray:
    """Shines at full power all day."""
    always = (ProfileStep(ClockTime("00:00"), Share.parse("100 %")),)
    return PvArray(id=id, node=node, peak=Power(kw * KW), profile=always)


def bess(node: str = "grid", id: str = "bess", **changes: Any) -> Bess:
    """100 kW, 200 kWh, half full, without a ramp."""
    plain = {"capacity": Energy(200 * KWH), "rating": Power(100 * KW), "ramp": ShareRate(1_000_000)}
    return Bess(id=id, node=node, **plain | changes)


def load(kw: int) -> tuple[LoadStep, ...]:
    return (LoadStep(ClockTime("00:00"), Power(kw * KW)),)


def limit(kw: int) -> Power:
    return Power(kw * KW)


def after_a_minute(**parts: Any) -> Simulation:
    simulation = Simulation(document(**parts))
    simulation.advance(MINUTE)
    return simulation


def setpoint(kw: int, *, control: Control = Control.LOCAL, dispatch: Dispatch = Dispatch.NONE) -> BessStateChanged:
    return BessStateChanged(0, "bess", PowerState.ON, control, dispatch, kw * KW)


# Room


def test_charging_gets_what_other_load_leaves_of_the_limit_and_what_the_sun_adds() -> None:
    simulation = after_a_minute(
        nodes=[Node(id="grid", limit=limit(100), other_load=load(60))],
        chargers=(charger(),),
        vehicles=(vehicle(),),
        pv=(pv(20),),
    )
    assert simulation.connector().power_w == 60 * KW
    assert simulation.node().load_w == 100 * KW


def test_other_load_above_the_limit_leaves_nothing_and_is_not_cut_itself() -> None:
    simulation = after_a_minute(
        nodes=[Node(id="grid", limit=limit(50), other_load=load(60))], chargers=(charger(),), vehicles=(vehicle(),)
    )
    assert simulation.connector().power_w == 0
    assert simulation.node().load_w == 60 * KW


def test_the_sun_on_one_feeder_feeds_the_buses_on_another() -> None:
    nodes = [Node(id="grid", limit=limit(30)), Node(id="a", parent="grid"), Node(id="b", parent="grid")]
    simulation = after_a_minute(nodes=nodes, chargers=(charger(node="a"),), vehicles=(vehicle(),), pv=(pv(90, "b"),))
    assert simulation.connector().power_w == 120 * KW
    assert [node.load_w for node in simulation.world.nodes] == [30 * KW, 120 * KW, -90 * KW]


def test_a_feeder_lends_no_more_than_it_may_export() -> None:
    nodes = [
        Node(id="grid", limit=limit(30)),
        Node(id="a", parent="grid"),
        Node(id="b", parent="grid", export_limit=limit(40)),
    ]
    simulation = after_a_minute(nodes=nodes, chargers=(charger(node="a"),), vehicles=(vehicle(),), pv=(pv(90, "b"),))
    assert simulation.connector().power_w == 70 * KW
    assert [node.load_w for node in simulation.world.nodes] == [30 * KW, 70 * KW, -40 * KW]
    assert simulation.world.pv[0].power_w == 40 * KW


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (None, (100 * KW, Constraint.CONFIGURED)),
        (NodeLimitChanged(0, "grid", 250 * KW), (250 * KW, Constraint.COMMANDED)),
        (NodeLimitChanged(0, "grid", 0), (0, Constraint.COMMANDED)),
        (NodeLimitChanged(0, "grid", None), (100 * KW, Constraint.CONFIGURED)),
        (NodeOutageStarted(0, "grid"), (0, Constraint.OUTAGE)),
    ],
)
def test_the_limit_in_force_tells_where_it_comes_from(change: Any, expected: tuple[int, Constraint]) -> None:
    simulation = Simulation(document(nodes=[Node(id="grid", limit=limit(100))]))
    if change is not None:
        simulation.apply(change)
    assert limit_in_force(simulation.depot, simulation.world, 0) == expected


def test_without_a_limit_anything_goes_until_fail_safe() -> None:
    controller = MicrogridController(id="m", node="grid", lost_after=Duration(120 * SECOND))
    simulation = Simulation(
        document(nodes=[Node(id="grid", fail_safe_limit=limit(40))], microgrid_controllers=(controller,))
    )
    assert limit_in_force(simulation.depot, simulation.world, 0) == (None, Constraint.NONE)
    simulation.apply(ControllerHeartbeatsChanged(0, "m", beating=False))
    simulation.advance(3 * MINUTE)
    assert limit_in_force(simulation.depot, simulation.world, 0) == (40 * KW, Constraint.FAIL_SAFE)


# Outage


def test_an_outage_darkens_everything_below_and_nothing_else() -> None:
    nodes = [
        Node(id="grid", other_load=load(5)),
        Node(id="a", parent="grid", other_load=load(10)),
        Node(id="b", parent="a", other_load=load(20)),
    ]
    simulation = after_a_minute(
        nodes=nodes,
        chargers=(charger("c1", node="b"), charger("c2")),
        vehicles=(vehicle("b1", connector="c1/1"), vehicle("b2", connector="c2/1")),
        pv=(pv(7, "b"),),
        bess=(bess("b"),),
    )
    simulation.apply(NodeOutageStarted(simulation.world.at, "a"))
    simulation.advance(2 * MINUTE)
    assert [node.load_w for node in simulation.world.nodes] == [155 * KW, 0, 0]
    assert simulation.world.pv[0].power_w == simulation.world.bess[0].power_w == 0
    simulation.apply(NodeOutageEnded(simulation.world.at, "a"))
    simulation.advance(3 * MINUTE)
    assert [node.load_w for node in simulation.world.nodes] == [(5 + 10 + 20 + 300 - 7) * KW, 173 * KW, 163 * KW]


# Islands


def island(*vehicles: Vehicle, mode: ControllerMode = ControllerMode.ISLANDED, **parts: Any) -> Simulation:
    """A minute after a depot with 10 kW of other load lost its grid; what it may draw and export there is 500 kW."""
    node = Node(id="grid", limit=limit(500), fail_safe_limit=limit(40), export_limit=limit(500), other_load=load(10))
    simulation = Simulation(
        document(
            nodes=[node],
            chargers=(charger(),),
            vehicles=vehicles,
            microgrid_controllers=(MicrogridController(id="m", node="grid"),),
            **parts,
        )
    )
    simulation.apply(ControllerModeChanged(0, "m", mode))
    simulation.advance(MINUTE)
    return simulation


@pytest.mark.parametrize("mode", [ControllerMode.ISLANDED, ControllerMode.BLACK_START])
def test_an_island_charges_with_what_sun_and_storage_give(mode: ControllerMode) -> None:
    simulation = island(vehicle(), mode=mode, pv=(pv(30),), bess=(bess(),))
    assert limit_in_force(simulation.depot, simulation.world, 0) == (0, Constraint.ISLANDED)
    assert simulation.connector().power_w == (30 + 100 - 10) * KW
    assert simulation.node().load_w == 0


def test_an_island_stores_what_sun_is_left_and_curtails_the_rest() -> None:
    simulation = island(pv=(pv(150),), bess=(bess(),))
    assert simulation.world.bess[0].power_w == 100 * KW
    assert simulation.world.pv[0].power_w == 110 * KW
    assert simulation.node().load_w == 0


def test_storage_on_an_island_carries_the_load_whatever_its_setpoint() -> None:
    simulation = island(bess=(bess(),))
    simulation.apply(setpoint(50))
    simulation.advance(2 * MINUTE)
    assert simulation.world.bess[0].power_w == -10 * KW


def test_what_an_island_lacks_shows_as_load_and_as_a_breach() -> None:
    simulation = island(vehicle(), pv=(pv(4),))
    simulation.advance(5 * MINUTE)
    assert simulation.connector().power_w == 0
    assert simulation.node().load_w == 6 * KW
    assert simulation.node().breached


@pytest.mark.parametrize("mode", [ControllerMode.TRANSITION, ControllerMode.GRID_CONNECTED])
def test_back_on_the_grid_its_limit_counts_again(mode: ControllerMode) -> None:
    simulation = island(vehicle())
    simulation.apply(ControllerModeChanged(simulation.world.at, "m", mode))
    simulation.advance(2 * MINUTE)
    assert simulation.connector().power_w == 150 * KW


# Storage


def test_storage_covers_what_the_load_is_above_the_limit() -> None:
    simulation = after_a_minute(
        nodes=[Node(id="grid", limit=limit(100))], chargers=(charger(),), vehicles=(vehicle(),), bess=(bess(),)
    )
    assert simulation.connector().power_w == 150 * KW
    assert simulation.world.bess[0].power_w == -50 * KW
    assert simulation.node().load_w == 100 * KW


def test_storage_recharges_from_the_room_that_charging_leaves() -> None:
    simulation = after_a_minute(
        nodes=[Node(id="grid", limit=limit(200))], chargers=(charger(),), vehicles=(vehicle(),), bess=(bess(),)
    )
    assert simulation.world.bess[0].power_w == 50 * KW
    assert simulation.node().load_w == 200 * KW


def test_storage_recharges_while_a_charger_s_own_rating_holds_buses_back() -> None:
    simulation = after_a_minute(
        nodes=[Node(id="grid", limit=limit(200))],
        chargers=(charger(connectors=(Connector(id="1"), Connector(id="2"))),),
        vehicles=(vehicle("b1"), vehicle("b2")),
        bess=(bess(),),
    )
    assert simulation.world.bess[0].power_w == 50 * KW


def test_storage_recharges_while_buses_wait_on_a_feeder_it_does_not_share() -> None:
    nodes = [Node(id="grid", limit=limit(200)), Node(id="a", parent="grid", limit=limit(90))]
    simulation = after_a_minute(nodes=nodes, chargers=(charger(node="a"),), vehicles=(vehicle(),), bess=(bess(),))
    assert simulation.connector().power_w == 90 * KW
    assert simulation.world.bess[0].power_w == 100 * KW


def test_empty_storage_takes_nothing_from_buses_that_wait() -> None:
    simulation = after_a_minute(
        nodes=[Node(id="grid", limit=limit(100))],
        chargers=(charger(),),
        vehicles=(vehicle(),),
        bess=(bess(initial_soc=Share.parse("10 %")),),
    )
    assert simulation.connector().power_w == 100 * KW
    assert simulation.world.bess[0].power_w == 0


def test_storage_without_a_limit_on_its_path_rests() -> None:
    assert after_a_minute(bess=(bess(),)).world.bess[0].power_w == 0


def test_two_storages_share_a_deficit_in_order() -> None:
    simulation = after_a_minute(
        nodes=[Node(id="grid", limit=limit(10), other_load=load(140))], bess=(bess(id="s1"), bess(id="s2"))
    )
    assert [state.power_w for state in simulation.world.bess] == [-100 * KW, -30 * KW]
    assert simulation.node().load_w == 10 * KW


@pytest.mark.parametrize(("control", "dispatch"), [(Control.LOCAL, Dispatch.NONE), (Control.REMOTE, Dispatch.ACTIVE)])
def test_a_setpoint_is_followed_and_charging_gets_what_it_leaves(control: Control, dispatch: Dispatch) -> None:
    simulation = Simulation(
        document(
            nodes=[Node(id="grid", limit=limit(100))], chargers=(charger(),), vehicles=(vehicle(),), bess=(bess(),)
        )
    )
    simulation.apply(setpoint(30, control=control, dispatch=dispatch))
    simulation.advance(MINUTE)
    assert simulation.world.bess[0].power_w == 30 * KW
    assert simulation.connector().power_w == 70 * KW
    simulation.apply(setpoint(-30, control=control, dispatch=dispatch))
    simulation.advance(2 * MINUTE)
    assert simulation.connector().power_w == 130 * KW


# Export


def test_generation_beyond_the_export_limit_is_cut() -> None:
    simulation = after_a_minute(
        nodes=[Node(id="grid", export_limit=limit(50), other_load=load(20))], pv=(pv(60, id="p1"), pv(40, id="p2"))
    )
    assert [state.power_w for state in simulation.world.pv] == [30 * KW, 40 * KW]
    assert simulation.node().load_w == -50 * KW


def test_discharge_beyond_the_export_limit_is_cut_after_all_generation() -> None:
    simulation = Simulation(document(nodes=[Node(id="grid", export_limit=limit(50))], pv=(pv(60),), bess=(bess(),)))
    simulation.apply(setpoint(-80))
    simulation.advance(MINUTE)
    assert simulation.world.pv[0].power_w == 0
    assert simulation.world.bess[0].power_w == -50 * KW
    assert simulation.node().load_w == -50 * KW


def test_cutting_generation_never_lifts_a_feeder_above_its_limit() -> None:
    nodes = [
        Node(id="grid", export_limit=limit(100)),
        Node(id="a", parent="grid", limit=limit(60)),
        Node(id="b", parent="grid"),
    ]
    simulation = after_a_minute(
        nodes=nodes,
        chargers=(charger(node="a"),),
        vehicles=(vehicle(),),
        pv=(pv(100, "a", "p1"), pv(500, "b", "p2")),
    )
    assert simulation.connector().power_w == 150 * KW
    assert [node.load_w for node in simulation.world.nodes] == [-100 * KW, 60 * KW, -160 * KW]


def test_import_and_export_registers_tell_both_directions() -> None:
    simulation = Simulation(document(nodes=[Node(id="grid", other_load=load(30))], bess=(bess(),)))
    simulation.apply(setpoint(-50))
    simulation.advance(HOUR)
    simulation.apply(setpoint(10))
    simulation.advance(2 * HOUR)
    node = simulation.node()
    net = node.energy_at(simulation.world.at)
    assert net == (-20 + 40) * KWH
    assert node.exported_at(net, simulation.world.at) == 20 * KWH


def test_storage_serves_waiting_buses_under_every_policy() -> None:
    for policy in AllocationPolicy:
        simulation = after_a_minute(
            nodes=[Node(id="grid", limit=limit(100), allocation=policy)],
            chargers=(charger("c1"), charger("c2")),
            vehicles=(vehicle("b1"), vehicle("b2")),
            bess=(bess(),),
        )
        assert sum(state.power_w for state in simulation.world.connectors) == 200 * KW
        assert simulation.node().load_w == 100 * KW
