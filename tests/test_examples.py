"""The examples load, say what they say they do, and are what their sources make them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from depot_sim.adapters.configuration_import import load
from depot_sim.adapters.configuration_import.yaml_text import parse_yaml
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.configuration.document import CurrentKind
from depot_sim.domain.run.events import VehicleArrived
from depot_sim.examples.make import GENERATED
from tests.domain.run.world.depots import DAY, MINUTE, Simulation

EXAMPLES = Path(__file__).parents[1] / "examples"
FILES = sorted(EXAMPLES.glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_loads_and_survives_its_own_json(file: Path) -> None:
    definition = load(file)

    assert Definition.of(msgspec.json.decode(definition.document_json)) == definition
    assert Definition.recorded(definition.document_json) == definition


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_bus_of_an_example_runs_empty_from_a_start_at_noon(file: Path) -> None:
    simulation = Simulation(load(file).document)
    simulation.advance(2 * DAY, 15 * MINUTE)

    arrivals = simulation.of(VehicleArrived)
    assert arrivals
    assert [event.vehicle for event in arrivals if event.shortfall_mj] == []


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_example_is_current(name: str) -> None:
    written = parse_yaml((EXAMPLES / name).read_text(encoding="utf-8"))

    assert written == msgspec.json.decode(GENERATED[name]().document_json)


def test_the_first_example_shows_all_there_is() -> None:
    document = load(EXAMPLES / "three-bus-depot.yaml").document

    assert len(document.vehicles) == 3
    assert [len(charger.connectors) for charger in document.chargers] == [2, 1]
    assert len({type(binding) for binding in document.projection_bindings}) == 4
    assert document.scenario_presets


def test_the_new_york_depot_keeps_every_block_and_its_attribution() -> None:
    document = load(EXAMPLES / "nyc-meredith.yaml").document

    assert sum(len(vehicle.duties) for vehicle in document.vehicles) == 128
    assert len(document.vehicles) == len(document.chargers) == 64
    assert "MIT" in document.attribution


def test_the_leichhardt_like_depot_has_its_public_figures() -> None:
    document = load(EXAMPLES / "leichhardt-like.yaml").document
    ac = [charger.rating for charger in document.chargers if charger.kind is CurrentKind.AC]
    dc = [charger.rating for charger in document.chargers if charger.kind is CurrentKind.DC]

    assert (len(document.vehicles), ac, dc) == (55, [80_000] * 31, [120_000] * 5)
    assert document.pv[0].peak == 388_000
    assert document.bess[0].rating == 1_250_000
    assert document.topology.nodes[0].limit == 1_500_000
