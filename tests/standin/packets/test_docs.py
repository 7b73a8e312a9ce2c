"""What the page about packets says of the stand-in is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec

from depot_sim.standin.packets.configuration import Action
from depot_sim.standin.packets.findings import Kind
from depot_sim.standin.packets.misbehaviour import Action as Fault
from depot_sim.standin.packets.misbehaviour import MisbehaviourOrder
from depot_sim.standin.packets.settings import Clock, Settings

PAGE = (Path(__file__).parents[3] / "docs" / "packets.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## The stand-in\n")[2].partition("\n## ")[0]


def names(heading: str) -> list[str]:
    """The first column of the table with this heading."""
    rows = SECTION.partition(f"| {heading} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [row.split("`")[1] for row in rows]


def test_the_tables_name_every_finding_and_every_action() -> None:
    assert names("finding") == [str(kind) for kind in Kind]
    assert names("action") == [str(action) for action in Action]


def test_the_example_has_every_fault() -> None:
    [example] = re.findall(r"```json\n(.*?)```", SECTION, re.DOTALL)
    order = msgspec.convert(json.loads(example), type=MisbehaviourOrder)
    assert {rule.action for rule in order.rules} == set(Fault)


def test_every_setting_and_every_clock_is_told() -> None:
    assert [name for name in (*Settings.__struct_fields__, *Clock) if f"`{name}`" not in SECTION] == []
