"""The load curve of a run's grid connection."""

from __future__ import annotations

from depot_sim.application.run.load_history import LoadHistory, LoadPoint
from depot_sim.domain.configuration.document import Node
from depot_sim.domain.kernel.quantities import Power
from depot_sim.domain.run.columns import NodeColumns
from depot_sim.domain.run.events import NodeLimitChanged, RunTicked
from depot_sim.domain.run.world.depot import Depot
from tests.domain.run.world.depots import MINUTE, MONDAY_NOON, document


def depot(limit: Power | None = None) -> Depot:
    return Depot(document(nodes=[Node(id="grid", limit=limit), Node(id="yard", parent="grid")]), MONDAY_NOON)


def ticked(minute: int, **loads: int) -> RunTicked:
    index = {"grid": 0, "yard": 1}
    places = [index[node] for node in loads]
    zeros = [0] * len(loads)
    return RunTicked(minute * MINUTE, nodes=NodeColumns(places, list(loads.values()), zeros, zeros, zeros))


def test_a_load_holds_until_it_changes() -> None:
    history = LoadHistory(depot())
    history.add([ticked(1, yard=7, grid=10), RunTicked(2 * MINUTE), ticked(3, yard=9)])

    assert [point.load_w for point in history.points()] == [10, 10, 10]


def test_the_limit_is_the_configured_one_until_a_command_changes_it() -> None:
    history = LoadHistory(depot(Power(100)))
    limit, other, lifted = (NodeLimitChanged(0, *change) for change in (("grid", 50), ("yard", 5), ("grid", None)))
    history.add([ticked(1), limit, other, ticked(2), lifted, ticked(3)])

    assert [point.limit_w for point in history.points()] == [100, 50, 100]


def test_an_unlimited_connection_has_no_limit() -> None:
    history = LoadHistory(depot())
    history.add([ticked(1, grid=10)])

    assert history.points() == [LoadPoint(MINUTE, 10, None)]
