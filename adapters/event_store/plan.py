"""What of a group commit may be written: each append alone, in order, against the versions and leases as they stand.

Pure of any database: a Ground answers for the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from depot_sim.application.event_log import Append, Fence
from depot_sim.domain.kernel.aggregate import Basis
from depot_sim.domain.kernel.errors import DepotSimError, LeaseLost, VersionConflict

NewRow = tuple[str, int, str, bytes, int, bytes]
"""stream, version, topic, state, recorded_at, metadata: a row without its position."""


class Ground(Protocol):
    """The store as a plan finds it."""

    def version(self, stream: str) -> int | None:
        """The stream's newest version, or None to believe its first writer for now."""

    def holds(self, fence: Fence) -> bool:
        """Whether the fence's token is the newest of its run, as far as is known."""


class Plan(NamedTuple):
    """The rows of all appends that may be written, per append how many rows or why not, and versions taken on trust."""

    rows: list[NewRow]
    outcomes: list[int | DepotSimError]
    believed: dict[str, int]

    def settled(self, first: int) -> list[Sequence[int] | Exception]:
        """The outcomes once the rows stand at `first` and the positions after it."""
        settled: list[Sequence[int] | Exception] = []
        for outcome in self.outcomes:
            if isinstance(outcome, int):
                settled.append(range(first, first + outcome))
                first += outcome
            else:
                settled.append(outcome)
        return settled


def plan(appends: Sequence[Append], ground: Ground, recorded_at: int) -> Plan:
    """An append sees the ones before it in the batch, so two may follow each other on one stream."""
    planner = _Planner(ground, recorded_at)
    outcomes = [planner.admit(append) for append in appends]
    return Plan(planner.rows, outcomes, planner.believed)


class _Planner:
    def __init__(self, ground: Ground, recorded_at: int) -> None:
        self.rows: list[NewRow] = []
        self.believed: dict[str, int] = {}
        self._ground = ground
        self._recorded_at = recorded_at
        self._versions: dict[str, int] = {}
        self._lost: set[Basis] = set()

    def admit(self, append: Append) -> int | DepotSimError:
        """Plan the append's rows, or say why not and leave the plan as it was, but for the bases that are lost."""
        before = len(self.rows)
        outcome = self._admit(append)
        if isinstance(outcome, DepotSimError):
            del self.rows[before:]
            self._lost.update(write.basis for write in append.writes if write.basis is not None)
        return outcome

    def _admit(self, append: Append) -> int | DepotSimError:
        writes, metadata, fence = append
        if fence is not None and not self._ground.holds(fence):
            return LeaseLost(*fence)
        before = len(self.rows)
        moved: dict[str, int] = {}
        believed: dict[str, int] = {}
        for stream, expected, events, basis in writes:
            if self._is_lost(basis) or expected != self._version(stream, expected, moved, believed):
                return VersionConflict(stream, expected)
            self.rows += [
                (stream, version, topic, state, self._recorded_at, metadata)
                for version, (topic, state) in enumerate(events, expected + 1)
            ]
            moved[stream] = expected + len(events)
        self._versions |= moved
        self.believed |= believed
        return len(self.rows) - before

    def _is_lost(self, basis: Basis | None) -> bool:
        return basis is not None and (basis.is_lost or basis in self._lost)

    def _version(self, stream: str, expected: int, moved: dict[str, int], believed: dict[str, int]) -> int:
        """The stream's version behind everything planned so far."""
        for planned in (moved, self._versions):
            if stream in planned:
                return planned[stream]
        known = self._ground.version(stream)
        return believed.setdefault(stream, expected) if known is None else known
