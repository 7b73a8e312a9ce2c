"""Circuit-centric definitions become depots; what cannot be mapped is a fault that points into them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from depot_sim.adapters.configuration_import.formats import Format
from depot_sim.adapters.configuration_import.legacy_circuits import import_circuits
from depot_sim.domain.configuration.document import CurrentKind, SimulationConfigurationDocument
from depot_sim.domain.kernel.errors import Fault, InvalidInput

MAIN = {"name": "Main board", "rating_kw": 500, "available_capacity_kw": 400}
EV = {
    "name": "EV board",
    "parent": "Main board",
    "rating_kw": 300.5,
    "available_capacity_kw": 280,
    "chargers": [
        {"name": "CP 1", "rating_kw": 150, "connectors": 2},
        {"name": "CP 2", "rating_kw": 22, "kind": "AC"},
    ],
}


def imported(*circuits: dict[str, Any]) -> SimulationConfigurationDocument:
    source = msgspec.json.encode({"name": "Old", "circuits": circuits})
    return import_circuits(source, Format.JSON).document


def faults_of(*circuits: dict[str, Any]) -> dict[str, Fault]:
    with pytest.raises(InvalidInput) as refused:
        imported(*circuits)
    return {fault.pointer: fault for fault in refused.value.faults}


def test_circuits_become_nodes_and_scopes() -> None:
    document = imported(MAIN, EV)
    main, ev = document.topology.nodes

    assert (main.id, main.name, main.parent, main.limit) == ("Main-board", "Main board", None, 500_000)
    assert (ev.parent, ev.limit) == ("Main-board", 300_500)
    assert [(scope.id, scope.node) for scope in document.managed_scopes] == [(main.id, main.id), (ev.id, ev.id)]


def test_what_is_not_available_for_charging_is_other_load_counted_once() -> None:
    main, ev = imported(MAIN, EV).topology.nodes

    assert ev.other_load[0].power == 20_500
    assert main.other_load[0].power == 100_000 - 20_500


def test_chargers_keep_rating_kind_and_connectors() -> None:
    first, second = imported(MAIN, EV).chargers

    assert (first.id, first.node, first.rating, [connector.id for connector in first.connectors]) == (
        "CP-1",
        "EV-board",
        150_000,
        ["1", "2"],
    )
    assert (second.kind, len(second.connectors)) == (CurrentKind.AC, 1)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"parent": "nowhere"}, "/circuits/1/parent"),
        ({"rating_kw": -5, "available_capacity_kw": None}, "/circuits/1/rating_kw"),
        ({"rating_kw": "300 kW"}, "/circuits/1/rating_kw"),
        ({"rating_kw": True}, "/circuits/1/rating_kw"),
        ({"available_capacity_kw": 301}, "/circuits/1/available_capacity_kw"),
        ({"name": "Main-board"}, "/circuits/1/name"),
        ({"name": "!!"}, "/circuits/1/name"),
        ({"phases": 3}, "/circuits/1/phases"),
        ({"parent": None}, "/circuits/1/parent"),
        ({"chargers": [{"name": "CP", "rating_kw": 0}]}, "/circuits/1/chargers/0/rating_kw"),
        ({"chargers": [{"name": "CP", "rating_kw": 5, "connectors": 0}]}, "/circuits/1/chargers/0/connectors"),
        ({"chargers": [{"name": "CP", "rating_kw": 5, "kind": "3P"}]}, "/circuits/1/chargers/0/kind"),
        ({"chargers": [{"name": "CP", "rating_kw": 5}] * 2}, "/circuits/1/chargers/1/name"),
    ],
)
def test_a_row_that_cannot_be_mapped_is_a_fault_at_its_place(change: dict[str, Any], pointer: str) -> None:
    assert pointer in faults_of(MAIN, {**EV, **change})


def test_a_cycle_is_told_in_the_circuits_own_terms() -> None:
    ring = [{"name": "A", "parent": "B", "rating_kw": 1}, {"name": "B", "parent": "A", "rating_kw": 1}]

    assert set(faults_of(*ring)) == {"/circuits", "/circuits/0/parent"}


def test_circuits_cannot_leave_more_than_those_below_them_do() -> None:
    fault = faults_of({**MAIN, "available_capacity_kw": 490}, EV)["/circuits/0/available_capacity_kw"]

    assert "at most 479500 W" in fault.expected


def test_faults_have_their_line() -> None:
    text = b"name: Old\ncircuits:\n- {name: A, rating_kw: 5}\n- {name: B, rating_kw: 5,\n   parent: C}\n"
    with pytest.raises(InvalidInput) as refused:
        import_circuits(text, Format.YAML)

    (fault,) = refused.value.faults
    assert (fault.pointer, fault.line, fault.column) == ("/circuits/1/parent", 5, 12)
