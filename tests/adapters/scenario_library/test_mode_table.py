"""bba-mode-table: every row of the contract's table is reached, by what the world does."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.packets.measure.battery_mode import ModeInputs, flow_of, soc_band_of
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.world.site.fail_safe import heartbeat_status
from depot_sim.domain.run.world.state import Dispatch
from tests.adapters.scenario_library.stage import LIBRARY, Play, example, microgrid
from tests.domain.packets.mode_tables import read_modes

NAME = "bba-mode-table"
_ROW = re.compile(r"row ([0-9]+) ([A-Z_]+)")


def contract() -> str:
    return Path(__file__).with_name("bess_modes.v1.csv").read_text(encoding="utf-8")


TABLE = read_modes(contract())


def inputs(run: SimulationRun) -> ModeInputs:
    """What the battery's mode depends on, of the world alone."""
    spec, state = run.depot.bess[0], run.world.bess[0]
    controller, link = run.depot.controllers[0], run.world.controllers[0]
    stored = state.stored_mj
    return ModeInputs(
        state.power_state,
        heartbeat_status(controller, link, run.world.at),
        link.fail_safe,
        state.control,
        Dispatch.NONE if state.dispatch is Dispatch.COMPLETED else state.dispatch,
        flow_of(state.power_w, spec.rating),
        soc_band_of(stored, spec.capacity * spec.min_soc // 10**6, spec.capacity * spec.max_soc // 10**6),
    )


def rows_seen(play: Play) -> list[tuple[int, str]]:
    """(logical ms, rule) of every tick."""
    return [(at, TABLE.mode(inputs(run)).rule) for at, run in play]


def rows_noted() -> list[tuple[int, int, str, str]]:
    """(from, before, rule, mode) as the notes of the scenario promise."""
    steps = Play(NAME).execution.script.steps
    found = []
    for step in steps:
        noted = _ROW.match(step.note)
        if noted is not None:
            until = next(later.at for later in steps if later.at > step.at)
            found.append((step.at, until, noted[1], noted[2]))
    return found


@pytest.mark.parametrize(
    "depot",
    [microgrid(grace="0 s"), microgrid(grace="10 s"), microgrid(grace="60 s"), example("bba-microgrid")],
    ids=["no grace", "10 s", "60 s", "bba-microgrid"],
)
def test_every_row_of_the_contract_is_reached(depot: Definition) -> None:
    rows = {row["rule"] for row in csv.DictReader(line for line in contract().splitlines() if line[0] != "#")}
    assert len(rows) == 23
    assert {rule for _, rule in rows_seen(Play(NAME, depot))} == rows


@pytest.mark.parametrize("depot", [microgrid(), example("bba-microgrid")], ids=["microgrid", "bba-microgrid"])
def test_every_row_is_reached_where_the_notes_say_so(depot: Definition) -> None:
    seen, modes = rows_seen(Play(NAME, depot)), {row.rule: row.mode for row in TABLE.rows}
    for begin, end, rule, mode in rows_noted():
        assert modes[rule] == mode
        assert rule in {reached for at, reached in seen if begin <= at < end}, (rule, mode)
    assert sorted(int(rule) for _, _, rule, _ in rows_noted()) == list(range(1, 24))


def test_no_step_sets_the_mode_itself() -> None:
    assert "operational" not in LIBRARY.text(NAME).lower().partition("steps:")[2]
