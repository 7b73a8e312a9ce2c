"""What the YAML writer writes, the reader reads as it was."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from depot_sim.adapters.configuration_import.common_job import common_job
from depot_sim.adapters.configuration_import.yaml_text import parse_yaml
from depot_sim.adapters.configuration_import.yaml_writer import to_yaml
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import InvalidInput
from tests.domain.configuration.samples import depot

HARMLESS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=40)


def named(text: str) -> Definition:
    try:
        return Definition.of(depot(("/name", text)))
    except InvalidInput:
        assume(condition=False)
        raise


@given(HARMLESS)
@example("1e5")
@example("05:30")
@example("no")
@example("~")
@example(".5")
@example("# not a comment")
@example("- a: b")
@example("0x1F")
def test_text_of_any_look_stays_text(text: str) -> None:
    definition = named(text)

    assert parse_yaml(to_yaml(definition)) == msgspec.json.decode(definition.document_json)


def test_a_large_definition_survives() -> None:
    definition = common_job(30, 2)

    assert Definition.of(parse_yaml(to_yaml(definition))) == definition


@pytest.mark.parametrize("name", ["nyc-meredith", "leichhardt-like"])
def test_a_generated_example_is_written_as_it_stands(name: str) -> None:
    text = (Path(__file__).parents[3] / "examples" / f"{name}.yaml").read_text(encoding="utf-8")
    head, _, body = text.partition("\n")

    assert head.startswith("# Made by")
    assert to_yaml(Definition.of(parse_yaml(text))) == body
