"""The page about packets: its modes, effects and distortions are those there are, its requests can be read."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from depot_sim.adapters.cli.app import parser
from depot_sim.bootstrap.tools import toolbox
from depot_sim.domain.interaction.effects import Distortion
from depot_sim.domain.interaction.expectation_requests import read_expectation_request
from depot_sim.domain.interaction.override_requests import read_override_request
from depot_sim.domain.packets.named_faults import PACKETS
from depot_sim.read_models.packets.packets import DELIVERIES
from tests.domain.scenario.samples import moment

PAGE = (Path(__file__).parents[2] / "docs" / "packets.md").read_text(encoding="utf-8")
SENT, BREAKING = (
    PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0] for title in ("What was sent", "Breaking it on purpose")
)
COMMANDS = [
    shlex.split(line.partition(" > ")[0])[1:]
    for block in re.findall(r"```sh\n(.*?)```", SENT + BREAKING, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("depot-sim ")
]


def table(heading: str, section: str = BREAKING) -> dict[str, str]:
    """The second column by what the first one names in code, of the table with this heading."""
    rows = section.partition(f"| {heading} |")[2].partition("\n\n")[0].splitlines()[2:]
    cells = ([cell.strip() for cell in row.strip("|").split(" | ")] for row in rows)
    return {name: said for names, said in cells for name in re.findall(r"`(\w+)`", names)}


def requests() -> list[dict[str, Any]]:
    """Every JSON document in the section's examples."""
    decoder, found = json.JSONDecoder(), []
    for block in re.findall(r"```json\n(.*?)```", BREAKING, re.DOTALL):
        rest = block.strip()
        while rest:
            document, end = decoder.raw_decode(rest)
            found.append(document)
            rest = rest[end:].strip()
    return found


def test_the_table_of_modes_is_that_of_the_code() -> None:
    assert table("mode") == {mode.name: mode.sentence for mode in PACKETS.modes.values()}


def test_the_table_of_effects_names_those_that_packets_take() -> None:
    assert set(table("effect")) == {str(effect.__struct_config__.tag) for effect in PACKETS.effects}


def test_the_table_of_distortions_names_all_of_them() -> None:
    assert set(table("how")) == {how.value for how in Distortion}


@pytest.mark.parametrize("request_", requests(), ids=str)
def test_every_request_of_the_section_can_be_read(request_: dict[str, Any]) -> None:
    if "messages" in request_:
        read_expectation_request(request_, PACKETS, moment(0))
    else:
        read_override_request(request_, PACKETS, now=0)


def test_the_table_of_deliveries_names_all_of_them() -> None:
    assert set(table("delivery", SENT)) == set(DELIVERIES)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_can_be_understood(command: list[str]) -> None:
    assert callable(parser(toolbox()).parse_args(command).execute)


def test_every_command_on_a_feed_s_history_is_shown() -> None:
    shown = {command[1] for command in COMMANDS}
    assert {"open", "feeds", "devices", "history", "show", "resend", "readings", "close"} <= shown


def test_the_section_has_requests_of_both_kinds() -> None:
    assert {"messages" in request_ for request_ in requests()} == {True, False}
