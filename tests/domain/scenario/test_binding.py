"""Filling the names of a scenario from a depot."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from depot_sim.domain.configuration.decoding import decode_document
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.run.world.depot import Depot
from depot_sim.domain.scenario.binding import cast
from depot_sim.domain.scenario.script import EntityKind
from tests.domain.configuration.samples import depot
from tests.domain.scenario.scripts import READER, script

START = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
TWO_CONTROLLERS: tuple[tuple[str, Any], ...] = (
    ("/microgrid_controllers", [{"id": "bare", "node": "yard"}, {"id": "full", "node": "feeder"}]),
    ("/bess", [{"id": "far", "node": "grid"}, {"id": "near", "node": "yard"}, {"id": "here", "node": "feeder"}]),
    ("/sensors", []),
    ("/topology/nodes/1/fail_safe_limit", "20 kW"),
    ("/topology/nodes/2/fail_safe_limit", "10 kW"),
)


def site(*changes: tuple[str, Any]) -> Depot:
    return Depot(decode_document(depot(*changes)), START)


def fill(depot: Depot, needs: dict[str, str], steps: list[Any] | None = None, **given: str) -> dict[str, str]:
    asked = READER.read(script(needs=needs, steps=steps or [{"at": "0 s", "set-control-delay": {"delay": "0 s"}}]))
    targets = {"packet-feed": ["feed-1", "feed-2"]}
    return cast(asked, depot, targets, given)


def pointers(depot: Depot, needs: dict[str, str], steps: list[Any] | None = None, **given: str) -> list[str]:
    with pytest.raises(InvalidInput) as error:
        fill(depot, needs, steps, **given)
    return [fault.pointer for fault in error.value.faults]


def test_the_controller_comes_first_then_its_node_and_what_is_below_it() -> None:
    needs = {kind: kind for kind in (*EntityKind, "packet-feed")}
    assert fill(site(), needs) == {
        "node": "grid",
        "scope": "site",
        "controller": "controller",
        "bess": "battery",
        "pv": "roof",
        "charger": "charger-1",
        "connector": "charger-1/a",
        "vehicle": "bus-2",
        "sensor": "meter",
        "packet-feed": "feed-1",
    }


def test_what_is_at_the_node_goes_before_what_is_below_it() -> None:
    found = fill(site(*TWO_CONTROLLERS), {"c": "controller", "b": "bess", "n": "node"}, c="full")
    assert found == {"c": "full", "b": "here", "n": "feeder"}


def test_a_controller_with_nothing_below_it_is_passed_over() -> None:
    assert fill(site(*TWO_CONTROLLERS), {"c": "controller", "v": "charger", "b": "bess"})["c"] == "bare"
    changes = (*TWO_CONTROLLERS, ("/bess", [{"id": "here", "node": "feeder"}]))
    assert fill(site(*changes), {"c": "controller", "b": "bess"}) == {"c": "full", "b": "here"}


def test_several_of_one_kind_get_one_each() -> None:
    assert fill(site(), {"first": "connector", "second": "connector"}) == {
        "first": "charger-1/a",
        "second": "charger-1/b",
    }


def test_who_is_named_leads_and_is_not_taken_twice() -> None:
    assert fill(site(), {"one": "connector", "other": "connector"}, one="charger-1/b")["other"] == "charger-1/a"
    assert fill(site(), {"node": "node", "charger": "charger"}, node="yard") == {"node": "yard", "charger": "charger-1"}


def test_what_the_depot_has_not_is_told_by_its_place() -> None:
    assert pointers(site(("/pv", [])), {"controller": "controller", "roof": "pv"}) == ["/needs/roof"]
    assert pointers(site(), {"session": "oscp-session"}) == ["/needs/session"]


def test_unknown_names_and_unknown_ids_are_told_together() -> None:
    steps = [{"at": "0 s", "set-availability": {"target": "charger-9", "available": True}}]
    found = pointers(site(), {"node": "node"}, steps, node="nowhere", nood="grid")
    assert sorted(found) == ["/names/node", "/names/nood", "/steps/0/set-availability/target"]


def test_a_charger_and_a_connector_may_both_be_a_target() -> None:
    for target in ("charger-1", "charger-1/b"):
        assert fill(site(), {}, [{"at": "0 s", "set-availability": {"target": target, "available": True}}]) == {}
