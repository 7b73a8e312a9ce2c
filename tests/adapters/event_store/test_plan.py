"""What of a group commit may be written, apart from any database."""

from __future__ import annotations

from depot_sim.adapters.event_store.plan import plan
from depot_sim.application.event_log import Append, Fence, StreamWrite
from depot_sim.domain.kernel.aggregate import Basis
from depot_sim.domain.kernel.errors import LeaseLost, VersionConflict
from tests.adapters.event_store.samples import counted, write


class Store:
    """A ground that knows some streams and fences, and believes the rest."""

    def __init__(self, versions: dict[str, int], *fences: Fence) -> None:
        self._versions = versions
        self._fences = fences

    def version(self, stream: str) -> int | None:
        return self._versions.get(stream)

    def holds(self, fence: Fence) -> bool:
        return fence in self._fences


def test_versions_not_known_are_believed_and_named() -> None:
    planned = plan([write("a", 4, 1), write("a", 5, 2), write("b", 0, 3)], Store({"b": 0}), 7)
    assert planned.outcomes == [1, 1, 1]
    assert planned.believed == {"a": 4}
    assert [row[:2] + row[4:5] for row in planned.rows] == [("a", 5, 7), ("a", 6, 7), ("b", 1, 7)]


def test_a_refused_append_is_not_believed() -> None:
    doubtful = Append([StreamWrite("a", 4, counted(1)), StreamWrite("b", 4, counted(1))])
    planned = plan([doubtful, write("a", 2, 1)], Store({"b": 0}), 0)
    assert isinstance(planned.outcomes[0], VersionConflict)
    assert planned.outcomes[1] == 1
    assert planned.believed == {"a": 2}


def test_what_was_decided_on_a_refused_append_is_refused_though_its_version_fits() -> None:
    basis, others = Basis(), Basis()
    lost = [write("a", 0, 1, basis=basis), write("a", 1, 2, basis=basis), write("b", 0, 3, basis=basis)]
    planned = plan([*lost, write("a", 1, 4, basis=others)], Store({"a": 1, "b": 0}), 0)
    assert [isinstance(outcome, VersionConflict) for outcome in planned.outcomes] == [True, True, True, False]
    assert [row[:2] for row in planned.rows] == [("a", 2)]
    assert not basis.is_lost, "another plan of the same appends may write it"


def test_nothing_is_written_that_was_decided_on_a_lost_basis() -> None:
    basis = Basis()
    basis.is_lost = True
    (outcome,) = plan([write("a", 1, 2, basis=basis)], Store({"a": 1}), 0).outcomes
    assert isinstance(outcome, VersionConflict)
    assert outcome.stream == "a"


def test_outcomes_settle_on_consecutive_positions() -> None:
    fenced = write("a", 0, 1)._replace(fence=Fence("run-1", 1))
    planned = plan([write("a", 0, 1, 2), fenced, write("b", 0, 3)], Store({}), 0)
    settled = planned.settled(10)
    assert [settled[0], settled[2]] == [range(10, 12), range(12, 13)]
    assert isinstance(settled[1], LeaseLost)


def test_nothing_is_planned_of_nothing() -> None:
    assert plan([], Store({}), 0).settled(1) == []
