"""The targets of one protocol family, as scripted steps reach them: through its scenario control."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from depot_sim.application.repository import Origin
from depot_sim.application.scenario.control import ScenarioControl
from depot_sim.application.scenario.targets import Settled
from depot_sim.domain.interaction.overrides import ALL


class ControlledTargets:
    """`ids_of` lists a run's targets."""

    def __init__(self, control: ScenarioControl, ids_of: Callable[[str], Awaitable[Sequence[str]]]) -> None:
        self._control = control
        self._ids_of = ids_of

    async def ids(self, run_id: str) -> Sequence[str]:
        return await self._ids_of(run_id)

    async def apply_override(self, run_id: str, target: str, request: Mapping[str, Any], origin: Origin) -> str:
        changed = await self._control.change_overrides(run_id, target, dict(request), origin)
        return changed.override_ids[0]

    async def clear_overrides(self, run_id: str, target: str, origin: Origin) -> Sequence[str]:
        return (await self._control.change_overrides(run_id, target, {"clear": ALL}, origin)).override_ids

    async def raise_expectation(self, run_id: str, target: str, request: Mapping[str, Any], origin: Origin) -> str:
        return (await self._control.raise_expectation(run_id, target, dict(request), origin)).expectation_id

    async def settled(self, run_id: str, target: str, expectation_id: str) -> Settled:
        view = await self._control.expectation(run_id, target, expectation_id)
        return Settled(view.verdict, view.title, view.reason)
