"""Registers of storage and generation."""

from __future__ import annotations

import msgspec
from hypothesis import given
from msgspec import UNSET

from depot_sim.domain.configuration.document import Bess, Node, ProfileStep, PvArray
from depot_sim.domain.kernel.quantities import ClockTime, Energy, Power, Share, SignedPower
from depot_sim.domain.run.commands import SetBess, SetBessStateOfCharge
from depot_sim.domain.run.world.sensing.registers import bess_exported_mj, pv_generated_mj
from depot_sim.domain.run.world.state import Control, World, state_sha256
from tests.domain.run.world.depots import HOUR, KW, KWH, MINUTE, Simulation, document
from tests.domain.run.world.stories import Story, stories
from tests.domain.run.world.test_world import begin, take


def site() -> Simulation:
    sun = (ProfileStep(ClockTime("00:00"), Share(500_000)),)
    return Simulation(
        document(
            nodes=[Node(id="grid")],
            pv=(PvArray(id="p", node="grid", peak=Power(50 * KW), profile=sun),),
            bess=(Bess(id="s", node="grid", capacity=Energy(400 * KWH), rating=Power(40 * KW)),),
        )
    )


def follow(simulation: Simulation, power: int) -> None:
    simulation.command(SetBess(bess="s", control=Control.LOCAL, setpoint=SignedPower(power)))


def test_what_a_battery_gave_counts_what_came_out_of_its_terminals() -> None:
    simulation = site()
    follow(simulation, -20 * KW)
    simulation.advance(HOUR)
    given = bess_exported_mj(simulation.depot, simulation.world, 0)
    assert abs(given - 20 * KWH) < 1_000
    follow(simulation, 20 * KW)
    simulation.advance(2 * HOUR)
    assert 0 <= bess_exported_mj(simulation.depot, simulation.world, 0) - given < 1_000


def test_a_state_of_charge_that_is_set_is_not_energy_given() -> None:
    simulation = site()
    simulation.command(SetBessStateOfCharge(bess="s", soc=Share.parse("20 %")))
    assert bess_exported_mj(simulation.depot, simulation.world, 0) == 0
    simulation.command(SetBessStateOfCharge(bess="s", soc=Share.parse("90 %")))
    follow(simulation, -10 * KW)
    simulation.advance(HOUR)
    assert abs(bess_exported_mj(simulation.depot, simulation.world, 0) - 10 * KWH) < 1_000


def test_what_an_array_gave_is_its_power_over_time_and_no_part_of_the_hash() -> None:
    simulation = site()
    simulation.advance(2 * HOUR, 7 * MINUTE)
    assert pv_generated_mj(simulation.world, 0) == 50 * KWH
    without = msgspec.json.decode(msgspec.json.encode(simulation.world), type=World)
    assert without.generated_mj == [50 * KWH]
    without.generated_mj = UNSET
    assert pv_generated_mj(without, 0) == 0
    assert state_sha256(without) == state_sha256(simulation.world)


@given(stories())
def test_no_register_ever_falls(story: Story) -> None:
    simulation = begin(story)
    before = registers(simulation)
    for step in story.steps:
        take(simulation, step)
        after = registers(simulation)
        assert all(earlier <= later for earlier, later in zip(before, after, strict=True)), step
        before = after


def registers(simulation: Simulation) -> list[int]:
    depot, world = simulation.depot, simulation.world
    arrays = [pv_generated_mj(world, pv) for pv in range(len(world.pv))]
    return arrays + [bess_exported_mj(depot, world, bess) for bess in range(len(world.bess))]
