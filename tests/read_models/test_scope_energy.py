"""Import, export and highest load of a managed scope, against the world's own registers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.quantities import Share
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.commands import SetPv, StartNodeOutage, StopCharging
from depot_sim.domain.run.events import SimulationRunStarted
from depot_sim.read_models import power
from depot_sim.read_models.scope_energy import ScopeEnergy, scope_energy
from tests.projections.samples import DEPOT, MINUTE, Stores, opened, save

TICKS = (MINUTE, 17_000, MINUTE, 5 * MINUTE)
SUNNY: dict[str, Any] = DEPOT | {
    "topology": {
        "nodes": [
            {"id": "grid", "limit": "200 kW"},
            {
                "id": "yard",
                "parent": "grid",
                "other_load": [
                    {"at": "12:00", "power": "10 kW"},
                    {"at": "12:40", "power": "60 kW"},
                    {"at": "13:00", "power": "0 kW"},
                ],
            },
        ]
    },
    "pv": [
        {
            "id": "roof",
            "node": "yard",
            "peak": "120 kW",
            "profile": [
                {"at": "12:00", "share": "10 %"},
                {"at": "12:20", "share": "100 %"},
                {"at": "13:10", "share": "60 %"},
            ],
        }
    ],
}


class Metered(NamedTuple):
    """`registers` are (import, export) of the scope and `loads` its load, both by the end of every tick."""

    stores: Stores
    registers: dict[int, tuple[int, int]]
    loads: dict[int, int]

    def between(self, begin: int, end: int) -> ScopeEnergy:
        found = scope_energy(self.stores.database(power.MODEL), "r1", "site", begin, end)
        assert found is not None
        return found


def lived(stores: Stores) -> Metered:
    """An afternoon with export, changes of sign, ticks of odd lengths, and commands in between."""
    run = SimulationRun("r1")
    document = msgspec.Raw(Definition.of(SUNNY).document_json)
    run.start(SimulationRunStarted(0, "r1", "sunny", 1, document, 7, "2026-01-05T12:00:00+00:00", 5 * MINUTE))
    commands = {
        15: StopCharging("fast/left"),
        22: SetPv("roof", let_through=Share.parse("40 %")),
        36: StartNodeOutage("yard"),
    }
    registers, loads = {0: (0, 0)}, {0: 0}
    for tick in count():
        if run.world.at > 60 * MINUTE and tick > max(commands):
            break
        if tick in commands:
            run.command(commands[tick])
        run.tick(run.world.at + TICKS[tick % len(TICKS)])
        at, node = run.world.at, run.world.nodes[1]
        net = node.energy_at(at)
        exported = node.exported_at(net, at)
        registers[at], loads[at] = (net + exported, exported), node.load_w
    save(stores.log, run)
    stores.catch_up()
    return Metered(stores, registers, loads)


@pytest.fixture(scope="module")
def metered() -> Iterator[Metered]:
    with opened("memory:") as stores:
        yield lived(stores)


def test_import_and_export_between_ticks_are_those_of_the_worlds_registers(stores: Stores) -> None:
    metered = lived(stores)
    moments = list(metered.registers)
    for begin in moments[:-1:3]:
        for end in moments[moments.index(begin) + 1 :: 2]:
            (import_before, export_before), (import_after, export_after) = (
                metered.registers[begin],
                metered.registers[end],
            )
            found = metered.between(begin, end)
            assert (found.imported_mj, found.exported_mj) == (
                import_after - import_before,
                export_after - export_before,
            )
    assert all(register > 0 for register in metered.registers[moments[-1]])


def test_the_highest_load_is_no_lower_than_at_the_end_of_any_tick(metered: Metered) -> None:
    moments = list(metered.loads)
    for begin, end in zip(moments, moments[5:], strict=False):
        within = [load for at, load in metered.loads.items() if begin < at <= end]
        assert metered.between(begin, end).max_w >= max(within)


@given(st.lists(st.integers(0, 60 * MINUTE), min_size=3, max_size=3, unique=True).map(sorted))
def test_windows_that_meet_leave_nothing_out(metered: Metered, moments: list[int]) -> None:
    begin, between, end = moments
    first, second, whole = metered.between(begin, between), metered.between(between, end), metered.between(begin, end)
    assert abs(first.imported_mj + second.imported_mj - whole.imported_mj) <= 2
    assert first.exported_mj + second.exported_mj == whole.exported_mj
    assert max(first.max_w, second.max_w) == whole.max_w


def test_what_has_not_been_yet_or_is_not_known_has_no_figures(metered: Metered) -> None:
    database, present = metered.stores.database(power.MODEL), max(metered.registers)
    assert scope_energy(database, "r1", "site", 0, present) is not None
    assert scope_energy(database, "r1", "site", 0, present + 1) is None
    assert scope_energy(database, "r1", "yard", 0, present) is None
    assert scope_energy(database, "r2", "site", 0, present) is None
