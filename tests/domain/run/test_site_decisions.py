"""Commands on limits and controllers: what they record, what follows in the world, what is refused."""

from __future__ import annotations

import pytest
from msgspec import UNSET

from depot_sim.domain.configuration.document import MicrogridController, Node, ProfileStep, PvArray
from depot_sim.domain.kernel.errors import CommandRefused, DepotSimError, InvalidInput, NotFound
from depot_sim.domain.kernel.quantities import ClockTime, Duration, Power, Share
from depot_sim.domain.run.commands import (
    Command,
    RestartController,
    SetControllerHeartbeats,
    SetExportLimit,
    SetFailSafeLimit,
)
from depot_sim.domain.run.events import ControllerHeartbeatsChanged, NodeExportLimitChanged, NodeFailSafeLimitChanged
from depot_sim.domain.run.world.charging.limits import Constraint, export_limit_w, fail_safe_limit_w, limit_in_force
from depot_sim.domain.run.world.state import state_sha256
from tests.domain.run.world.depots import HOUR, KW, MINUTE, SECOND, Simulation, charger, document, vehicle


def site(export_limit: Power | None = None) -> Simulation:
    """200 kW, 40 kW in fail-safe, two hungry buses, and 100 kW of sun all day."""
    limit, fail_safe = Power(200 * KW), Power(40 * KW)
    all_day = (ProfileStep(ClockTime("00:00"), Share(10**6)),)
    return Simulation(
        document(
            nodes=[
                Node(id="grid", limit=limit, fail_safe_limit=fail_safe, export_limit=export_limit),
                Node(id="roof", parent="grid"),
            ],
            chargers=(charger("c1"), charger("c2")),
            vehicles=(vehicle("b1"), vehicle("b2")),
            microgrid_controllers=(MicrogridController(id="m", node="grid"),),
            pv=(PvArray(id="sun", node="roof", peak=Power(100 * KW), profile=all_day),),
        )
    )


def silent(simulation: Simulation) -> None:
    simulation.command(SetControllerHeartbeats(controller="m", beating=False))


def test_an_export_limit_holds_from_the_next_tick_on_until_it_is_taken_back() -> None:
    simulation = site()
    simulation.advance(MINUTE)
    assert simulation.node("roof").load_w == -100 * KW
    simulation.command(SetExportLimit(node="roof", limit=Power(30 * KW)))
    simulation.advance(2 * MINUTE)
    assert (simulation.node("roof").load_w, simulation.world.pv[0].power_w) == (-30 * KW, 30 * KW)
    simulation.command(SetExportLimit(node="roof", limit=None))
    simulation.advance(3 * MINUTE)
    assert simulation.node("roof").load_w == -100 * KW
    assert simulation.of(NodeExportLimitChanged) == [
        NodeExportLimitChanged(MINUTE, "roof", 30 * KW),
        NodeExportLimitChanged(2 * MINUTE, "roof", None),
    ]


def test_an_export_limit_of_nothing_is_a_limit() -> None:
    simulation = site(export_limit=Power(50 * KW))
    simulation.command(SetExportLimit(node="grid", limit=Power(0)))
    assert export_limit_w(simulation.depot, simulation.world, 0) == 0
    simulation.command(SetExportLimit(node="grid", limit=None))
    assert export_limit_w(simulation.depot, simulation.world, 0) == 50 * KW


def test_a_fail_safe_limit_changes_the_cap_of_a_node_that_is_held_already() -> None:
    simulation = site()
    silent(simulation)
    simulation.advance(5 * MINUTE)
    assert simulation.node().load_w == 40 * KW
    simulation.command(SetFailSafeLimit(node="grid", limit=Power(25 * KW)))
    simulation.advance(6 * MINUTE)
    assert simulation.node().load_w == 25 * KW
    assert limit_in_force(simulation.depot, simulation.world, 0) == (25 * KW, Constraint.FAIL_SAFE)
    simulation.command(SetFailSafeLimit(node="grid", limit=None))
    simulation.advance(7 * MINUTE)
    assert simulation.node().load_w == 40 * KW
    assert simulation.of(NodeFailSafeLimitChanged)[-1] == NodeFailSafeLimitChanged(6 * MINUTE, "grid", None)


def test_a_limit_that_is_taken_back_leaves_no_trace_in_the_state() -> None:
    simulation = site()
    before = state_sha256(simulation.world)
    for command in (SetExportLimit, SetFailSafeLimit):
        simulation.command(command(node="grid", limit=Power(1)))
        assert state_sha256(simulation.world) != before
        simulation.command(command(node="grid", limit=None))
    assert state_sha256(simulation.world) == before
    assert fail_safe_limit_w(simulation.depot, simulation.world, 1) is None


def test_the_configured_interval_is_recorded_as_such() -> None:
    simulation = site()
    simulation.command(SetControllerHeartbeats(controller="m", beating=True, every=Duration(70 * SECOND)))
    simulation.command(SetControllerHeartbeats(controller="m", beating=True, every=Duration(30 * SECOND)))
    assert simulation.of(ControllerHeartbeatsChanged) == [
        ControllerHeartbeatsChanged(0, "m", beating=True, every_ms=70_000),
        ControllerHeartbeatsChanged(0, "m", beating=True),
    ]
    assert simulation.world.controllers[0].every_ms is UNSET


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (SetExportLimit(node="nowhere", limit=None), NotFound),
        (SetFailSafeLimit(node="nowhere", limit=None), NotFound),
        (RestartController(controller="nobody"), NotFound),
        (SetControllerHeartbeats(controller="m", beating=True), CommandRefused),
        (SetControllerHeartbeats(controller="m", beating=True, every=Duration(30 * SECOND)), CommandRefused),
        (SetControllerHeartbeats(controller="m", beating=False, every=Duration(HOUR)), InvalidInput),
        (SetControllerHeartbeats(controller="m", beating=True, every=Duration(999)), InvalidInput),
    ],
)
def test_what_cannot_be_done_is_refused_and_leaves_no_trace(command: Command, error: type[DepotSimError]) -> None:
    simulation = site()
    before = state_sha256(simulation.world)
    with pytest.raises(error):
        simulation.command(command)
    assert (state_sha256(simulation.world), simulation.log) == (before, [])
