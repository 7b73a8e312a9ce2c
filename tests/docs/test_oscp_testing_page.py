"""The page about OSCP failures: its table names the tests there are, each once, and modes that exist."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

from depot_sim.domain.oscp.named_faults import OSCP

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "oscp-testing.md"
MODULES = sorted((ROOT / "tests" / "e2e").glob("test_oscp_testing_requirements_*.py"))


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def defined_in(module: Path) -> list[str]:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return [item.name for item in tree.body if isinstance(item, ast.FunctionDef) and item.name.startswith("test_")]


def test_the_table_names_every_test_once_and_no_other() -> None:
    named = Counter(name for *_, test in rows() for name in re.findall(r"`(test_\w+)`", test))
    assert named == Counter(name for module in MODULES for name in defined_in(module))


def test_every_row_has_its_three_cells() -> None:
    assert [row for row in rows() if len(row) != 3 or not all(row)] == []


def test_modes_of_the_table_exist() -> None:
    named = {name for _, means, _ in rows() for name in re.findall(r"modes? `(\w+)`", means)}
    assert named
    assert named <= set(OSCP.modes)
