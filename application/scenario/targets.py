"""What scripted overrides and expectations go to: feeds and sessions, each kind through its own control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from depot_sim.application.repository import Origin
from depot_sim.domain.interaction.expectation_events import Verdict
from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.scenario.script import TARGETS, NeedKind


class Settled(NamedTuple):
    """How an expectation stands, and why."""

    verdict: Verdict
    title: str = ""
    reason: str = ""


class TargetControl(Protocol):
    """One kind of target. Every method raises NotFound for a target the run does not have.

    It is called while the run's lock is held: it must not ask for it.
    """

    async def ids(self, run_id: str) -> Sequence[str]:
        """The run's targets of this kind, in a fixed order."""

    async def apply_override(self, run_id: str, target: str, request: Mapping[str, Any], origin: Origin) -> str:
        """The override's id. Raises InvalidInput, Conflict."""

    async def clear_overrides(self, run_id: str, target: str, origin: Origin) -> Sequence[str]:
        """End all of them; the ids of those ended."""

    async def raise_expectation(self, run_id: str, target: str, request: Mapping[str, Any], origin: Origin) -> str:
        """The expectation's id. Raises InvalidInput."""

    async def settled(self, run_id: str, target: str, expectation_id: str) -> Settled: ...


class TargetControls:
    """All kinds there are in this process."""

    def __init__(self) -> None:
        self._controls: dict[NeedKind, TargetControl] = {}

    def add(self, kind: NeedKind, control: TargetControl) -> None:
        self._controls[kind] = control

    def of(self, kind: NeedKind) -> TargetControl:
        control = self._controls.get(kind)
        if control is None:
            raise NotFound(f"there is no {kind} here", "play this scenario on a run of a service")
        return control

    async def ids(self, run_id: str) -> dict[NeedKind, Sequence[str]]:
        """The run's targets by their kind."""
        return {kind: await self._controls[kind].ids(run_id) for kind in TARGETS if kind in self._controls}
