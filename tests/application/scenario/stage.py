"""Scenarios on runs of a process, feeds and sessions replaced by a target that notes what it is asked."""

from __future__ import annotations

# ruff: noqa: ARG002 - the stand-in for a target answers without looking at everything it is given
from collections.abc import Mapping, Sequence
from typing import Any

from depot_sim.application.repository import Origin
from depot_sim.application.scenario.service import ScenarioService, StartScenario
from depot_sim.application.scenario.targets import Settled
from depot_sim.domain.interaction.expectation_events import Verdict
from depot_sim.domain.kernel.errors import Conflict, NotFound, StoreError
from depot_sim.domain.kernel.events import EncodedEvent, Event, decode
from depot_sim.domain.run.digest import RunDigest
from depot_sim.domain.scenario.execution import stream_of
from depot_sim.domain.scenario.script import NeedKind
from tests.application.run.processes import ALICE, Process
from tests.domain.scenario.scripts import Raw, script

SECOND, MINUTE = 1_000, 60_000


class Shelf:
    """A library of one scenario."""

    def names(self) -> tuple[str, ...]:
        return ("quiet-controller",)

    def text(self, name: str) -> str:
        return f"name: {name}\n"

    def document(self, name: str) -> Any:
        return {"quiet-controller": script()}[name]


class Target:
    """A session "s-1". `verdicts` are given by expectation; refusals are raised instead of obeying."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.verdicts: dict[str, Verdict] = {}
        self.refusals: list[Conflict | StoreError] = []

    async def ids(self, run_id: str) -> Sequence[str]:
        return ("s-1",)

    async def apply_override(self, run_id: str, target: str, request: Mapping[str, Any], origin: Origin) -> str:
        self._note("override", request)
        return f"o-{len(self.asked)}"

    async def clear_overrides(self, run_id: str, target: str, origin: Origin) -> Sequence[str]:
        self._note("clear", {})
        return ("o-1",)

    async def raise_expectation(self, run_id: str, target: str, request: Mapping[str, Any], origin: Origin) -> str:
        self._note("expect", request)
        expectation_id = f"e-{len(self.asked)}"
        self.verdicts[expectation_id] = Verdict.WAITING
        return expectation_id

    async def settled(self, run_id: str, target: str, expectation_id: str) -> Settled:
        if expectation_id not in self.verdicts:
            raise NotFound(f"no expectation {expectation_id}")
        return Settled(self.verdicts[expectation_id], "an answer", "deadline")

    def _note(self, what: str, request: Mapping[str, Any]) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.asked.append((what, request))


class Scenarios:
    """What a process plays."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.target = Target()
        process.targets.add(NeedKind.OSCP_SESSION, self.target)
        self.service = ScenarioService(
            process.store.log, process.host, process.live, process.player, process.targets, Shelf()
        )

    async def start(self, raw: Raw | None = None, *, key: str | None = None, **request: Any) -> str:
        """The execution's id."""
        asked = StartScenario(document=script() if raw is None else raw, **request)
        return (await self.service.start("r", asked, ALICE, key)).execution_id

    def events(self, execution_id: str = "1") -> list[Event]:
        rows = self.process.store.log.read_stream(stream_of("r", execution_id))
        return [decode(row.topic, row.state) for row in rows]

    def topics(self, execution_id: str = "1") -> list[str]:
        return [event.TOPIC.split(".")[1] for event in self.events(execution_id)]

    def canonical_sha256(self) -> str:
        """Of the run's events as the log has them."""
        digest = RunDigest()
        for row in self.process.store.log.read_stream("run-r"):
            digest.add(EncodedEvent(row.topic, row.state))
        return digest.canonical_sha256
