"""What holds for every small depot, whatever happens to it."""

from __future__ import annotations

from collections import defaultdict
from enum import Enum
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UnsetType

from depot_sim.domain.kernel.errors import CommandRefused
from depot_sim.domain.kernel.events import decode, encode
from depot_sim.domain.kernel.quantities import PPM
from depot_sim.domain.run.commands import Command
from depot_sim.domain.run.events import VehiclePluggedIn, VehicleStateOfChargeSet, VehicleUnplugged
from depot_sim.domain.run.world.charging.limits import limit_in_force
from depot_sim.domain.run.world.evolve import Evolution
from depot_sim.domain.run.world.initial_world import genesis
from depot_sim.domain.run.world.site.dispatch import follows_setpoint
from depot_sim.domain.run.world.state import World, state_sha256
from depot_sim.domain.run.world.tick_context import present_battery_mj
from tests.domain.run.world.depots import Simulation
from tests.domain.run.world.stories import Story, stories


def begin(story: Story) -> Simulation:
    return Simulation(story.document, start=story.start, disturbances=story.disturbances)


def take(simulation: Simulation, step: int | Command) -> None:
    """One step of a story; what the world refuses changes nothing."""
    if isinstance(step, int):
        simulation.advance(simulation.world.at + step, step)
        return
    before = state_sha256(simulation.world), len(simulation.log)
    try:
        simulation.command(step)
    except CommandRefused:
        assert (state_sha256(simulation.world), len(simulation.log)) == before


def play(story: Story) -> Simulation:
    simulation = begin(story)
    for step in story.steps:
        take(simulation, step)
    return simulation


def fold(simulation: Simulation) -> World:
    """The world as whoever reads the log from its beginning finds it."""
    folded = Evolution(simulation.depot, genesis(simulation.depot))
    for topic, state in simulation.log:
        folded.apply(decode(topic, state))
    return folded.world


@given(stories())
def test_a_fold_of_the_recorded_events_is_the_live_world(story: Story) -> None:
    simulation = play(story)
    assert state_sha256(fold(simulation)) == state_sha256(simulation.world)


@given(stories(), st.data())
def test_a_run_that_was_stopped_anywhere_goes_on_as_if_it_had_not_been(story: Story, data: st.DataObject) -> None:
    whole, pieces = begin(story), begin(story)
    stops = data.draw(st.sets(st.integers(0, len(story.steps) - 1)))
    for index, step in enumerate(story.steps):
        if index in stops:
            pieces.evolution = Evolution(pieces.depot, fold(pieces))
            pieces.restart()
        take(whole, step)
        take(pieces, step)
    assert pieces.log == whole.log
    assert state_sha256(pieces.world) == state_sha256(whole.world)


@given(stories())
def test_a_snapshot_holds_the_whole_world(story: Story) -> None:
    world = play(story).world
    assert msgspec.json.decode(msgspec.json.encode(world), type=World) == world


@given(stories())
def test_every_event_decodes_to_itself_and_time_never_goes_back(story: Story) -> None:
    simulation = play(story)
    for event, (topic, state) in zip(simulation.events, simulation.log, strict=True):
        assert decode(topic, state) == event
    assert all(earlier.at <= later.at for earlier, later in pairwise(simulation.events))
    assert all(event.at <= simulation.world.at for event in simulation.events)


@given(stories())
def test_world_and_events_hold_plain_whole_numbers_only(story: Story) -> None:
    simulation = play(story)
    for whole in (simulation.world, *simulation.events):
        for value in leaves(whole):
            assert type(value) in (int, bool, str, type(None), UnsetType) or isinstance(value, Enum), value


def leaves(value: Any) -> list[Any]:
    if isinstance(value, msgspec.Struct):
        return [leaf for field in value.__struct_fields__ for leaf in leaves(getattr(value, field))]
    if isinstance(value, dict):
        return leaves([*value.keys(), *value.values()])
    if isinstance(value, list | tuple):
        return [leaf for entry in value for leaf in leaves(entry)]
    return [value]


@given(stories())
def test_loads_and_registers_of_every_node_add_up_exactly(story: Story) -> None:
    simulation = begin(story)
    depot, world = simulation.depot, simulation.world
    besides: defaultdict[int, int] = defaultdict(int)  # mJ right at each node: own load, storage, less generation
    for step in story.steps:
        take(simulation, step)
        if not isinstance(step, int):
            continue
        loads, energies = [0] * len(depot.nodes), [0] * len(depot.nodes)
        for index, power in [
            *enumerate(node.other_load_w for node in world.nodes),
            *((depot.node_index[spec.node], state.power_w) for spec, state in zip(depot.bess, world.bess, strict=True)),
            *((depot.node_index[spec.node], -state.power_w) for spec, state in zip(depot.pv, world.pv, strict=True)),
        ]:
            besides[index] += power * step
            for node in depot.nodes[index].ancestors:
                loads[node] += power
        for index, energy in besides.items():
            for node in depot.nodes[index].ancestors:
                energies[node] += energy
        for plug, state in zip(depot.connectors, world.connectors, strict=True):
            for node in plug.nodes:
                loads[node] += state.power_w
                energies[node] += state.energy_at(world.at)
        assert [node.load_w for node in world.nodes] == loads
        assert [node.energy_at(world.at) for node in world.nodes] == energies


def fell_within_the_tick(simulation: Simulation, node: int, tick: int) -> bool:
    """Whether fail-safe cut the node's limit when the last tick's power had been shared out already."""
    world, links = simulation.world, simulation.depot.controllers_at[node]
    return any(world.at - tick < world.controllers[link].fail_safe_since <= world.at for link in links)


@given(stories())
def test_no_connector_draws_and_no_storage_recharges_above_a_limit_without_control_delay(story: Story) -> None:
    simulation = begin(story)
    depot, world = simulation.depot, simulation.world
    for step in story.steps:
        take(simulation, step)
        if not isinstance(step, int) or world.control_delay_ms:
            continue
        for node, state in enumerate(world.nodes):
            limit = limit_in_force(depot, world, node).limit_w
            if limit is not None and state.load_w > limit and not fell_within_the_tick(simulation, node, step):
                assert all(world.connectors[plug].power_w == 0 for plug in depot.connectors_below[node])
                assert all(
                    state.power_w <= 0 or follows_setpoint(state)
                    for spec, state in zip(depot.bess, world.bess, strict=True)
                    if node in depot.nodes[depot.node_index[spec.node]].ancestors
                )


@given(stories())
def test_no_node_exports_more_than_it_may(story: Story) -> None:
    simulation = begin(story)
    for step in story.steps:
        take(simulation, step)
        if isinstance(step, int):
            for spec, state in zip(simulation.depot.nodes, simulation.world.nodes, strict=True):
                assert spec.node.export_limit is None or state.load_w >= -spec.node.export_limit


@given(stories())
def test_chargers_never_exceed_rating_cable_and_platform_limit(story: Story) -> None:
    simulation = begin(story)
    depot, world = simulation.depot, simulation.world
    for step in story.steps:
        take(simulation, step)
        if isinstance(step, int):
            for plug, state in zip(depot.connectors, world.connectors, strict=True):
                assert 0 <= state.auxiliary_w <= state.power_w <= plug.rating_w
                assert state.limit_w is None or state.power_w <= state.limit_w
                assert state.power_w == 0 or state.charging
            for plugs, charger in zip(depot.connectors_of, depot.chargers, strict=True):
                assert sum(world.connectors[plug].power_w for plug in plugs) <= charger.rating


@given(stories())
def test_batteries_stay_between_empty_and_full(story: Story) -> None:
    simulation = begin(story)
    depot, world = simulation.depot, simulation.world
    for step in story.steps:
        take(simulation, step)
        for index, spec in enumerate(depot.vehicles):
            rounding = max(spec.curve.power_w)  # mJ: the largest step within one ms
            battery = present_battery_mj(depot, world, index, world.at)
            assert 0 <= battery <= spec.type.battery + rounding
        for bess, state in zip(depot.bess, world.bess, strict=True):
            assert 0 <= state.stored_mj <= bess.capacity


@given(stories())
def test_what_a_session_took_from_the_grid_is_in_the_battery_but_for_losses(story: Story) -> None:
    simulation = play(story)
    depot, begun = simulation.depot, {}
    for event in simulation.of(VehiclePluggedIn, VehicleStateOfChargeSet, VehicleUnplugged):
        if isinstance(event, VehiclePluggedIn):
            begun[event.vehicle] = event
        elif isinstance(event, VehicleStateOfChargeSet):
            begun.pop(event.vehicle, None)
        elif event.vehicle in begun:
            start = begun.pop(event.vehicle)
            efficiency = depot.connectors[depot.connector_index[event.connector]].spec.efficiency
            stored = event.battery_mj - start.battery_mj
            most = event.session_energy_mj * efficiency // PPM
            precondition = depot.vehicles[depot.vehicle_index[event.vehicle]].type.precondition_power
            least = 0 if precondition else most - 10_000  # rounding: below 1 mJ for every band, second of ramp and tick
            assert least <= stored <= most


@pytest.mark.parametrize("seed", [-1, 0, 2**63])
@given(story=stories())
def test_the_same_seed_gives_the_same_bytes(seed: int, story: Story) -> None:
    def run() -> list[Any]:
        simulation = Simulation(story.document, start=story.start, disturbances=story.disturbances, seed=seed)
        for step in story.steps:
            take(simulation, step)
        return simulation.log

    assert run() == run()


def test_encoding_is_a_function_of_the_event_alone() -> None:
    event = VehiclePluggedIn(1, "b1", "c1/1", 1, 5)
    assert encode(event).state == b'{"at":1,"vehicle":"b1","connector":"c1/1","session":1,"battery_mj":5}'
