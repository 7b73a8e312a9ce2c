"""The page about scenarios: its example is sound, its tables name every scenario, kind and action there is."""

from __future__ import annotations

import re
from pathlib import Path

from depot_sim.adapters.configuration_import.formats import Format
from depot_sim.adapters.configuration_import.loading import parse
from depot_sim.bootstrap.scenarios import scenario_library
from depot_sim.domain.scenario.script import CLEAR_OVERRIDES, EXPECT, OVERRIDE, EntityKind
from tests.domain.scenario.scripts import READER

PAGE = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text(encoding="utf-8")
_YAML = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def first_cells(heading: str) -> list[str]:
    """Of the table below a heading."""
    section = re.split(r"^##", PAGE.partition(heading)[2], flags=re.MULTILINE)[0]
    return re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE)


def test_the_example_is_a_sound_scenario() -> None:
    (example,) = _YAML.findall(PAGE)
    script = READER.read(parse(example.encode(), Format.YAML)[1])
    assert (script.name, len(script.steps), script.ends) == ("silent-controller", 6, 600_000)


def test_the_library_is_told_whole() -> None:
    assert sorted(first_cells("## The library")) == list(scenario_library().names())


def test_every_action_beside_commands_is_told() -> None:
    assert first_cells("### Steps") == [OVERRIDE, CLEAR_OVERRIDES, EXPECT]


def test_every_kind_of_need_is_told() -> None:
    names = PAGE.partition("### Names")[2].partition("Steps refer")[0]
    assert set(re.findall(r"`([a-z-]+)`", names)) - {"needs"} == {*EntityKind, *READER.families}
