"""The page of requirements on packets: its table names the tests there are, and modes and scenarios that exist."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path

from depot_sim.adapters.configuration_import.formats import Format
from depot_sim.adapters.configuration_import.loading import parse
from depot_sim.adapters.scenario_library import ScenarioLibrary
from depot_sim.domain.packets.named_faults import PACKETS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "packets-testing.md"
MODULES = [
    *sorted((ROOT / "tests" / "e2e").glob("test_packets_*.py")),
    *sorted((ROOT / "tests" / "e2e").glob("test_scenario*.py")),
]
LIBRARY = ScenarioLibrary(lambda text: parse(text, Format.YAML)[1])


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def named_in(row: list[str]) -> list[str]:
    return re.findall(r"`(test_\w+)`", row[-1])


def defined_in(module: Path) -> list[str]:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return [item.name for item in tree.body if isinstance(item, ast.FunctionDef) and item.name.startswith("test_")]


def test_the_table_names_every_test_and_no_other() -> None:
    assert {name for row in rows() for name in named_in(row)} == {
        name for module in MODULES for name in defined_in(module)
    }


def test_a_tests_name_says_which_it_is() -> None:
    names = sorted(name for module in MODULES for name in defined_in(module))
    assert [one for one, next_ in pairwise(names) if one == next_] == []


def test_every_row_has_its_three_cells_and_a_test() -> None:
    assert [row for row in rows() if len(row) != 3 or not all(row) or not named_in(row)] == []


def test_modes_and_scenarios_of_the_table_exist() -> None:
    modes = {name for _, means, _ in rows() for name in re.findall(r"modes? `(\w+)`", means)}
    scenarios = {name for _, means, _ in rows() for name in re.findall(r"scenarios? `([\w-]+)`", means)}
    assert modes
    assert modes <= set(PACKETS.modes)
    assert scenarios
    assert scenarios <= set(LIBRARY.names())


def test_all_five_shows_and_all_nine_criteria_are_there() -> None:
    bold = [row[0] for row in rows() if row[0].startswith("**")]
    assert [one for one in bold if one.startswith("**COR-40**")]
    first = next(place for place, row in enumerate(rows()) if row[0].startswith("**COR-40**"))
    after = next(place for place, row in enumerate(rows()) if row[0].startswith("**COR-9**"))
    assert after - first == 9
