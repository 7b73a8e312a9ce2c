"""What happened while a scenario was played on a run. Times are the run's logical ms."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

from depot_sim.domain.interaction.expectation_events import NearMiss, Verdict
from depot_sim.domain.kernel.events import Event


class ScenarioVerdict(StrEnum):
    """What a scenario shows about the platform.

    FAILED: a step was refused, an expectation was missed, or something due was not delivered. UNVERIFIED: none of that,
    but no expectation was met, or one was closed without judgement. PASSED: the rest.
    """

    PASSED = "passed"
    FAILED = "failed"
    UNVERIFIED = "unverified"


class ScenarioExecutionStarted(Event, frozen=True):
    """The whole document, and what its names stand for in this run. Step times count from `begins_at`."""

    TOPIC: ClassVar[str] = "scenario.execution-started.1"
    INCIDENTAL: ClassVar[tuple[str, ...]] = ("run_id", "execution_id", "names")
    at: int
    run_id: str
    execution_id: str
    source: str
    script: msgspec.Raw
    names: dict[str, str]
    begins_at: int


class ScenarioStepApplied(Event, frozen=True):
    """A step was carried out: `topics` tell the run's own events it made, the ids what it left at its target."""

    TOPIC: ClassVar[str] = "scenario.step-applied.1"
    INCIDENTAL: ClassVar[tuple[str, ...]] = ("target", "override_ids", "expectation_id")
    at: int
    index: int
    due_at: int
    action: str
    topics: tuple[str, ...] = ()
    target: str = ""
    override_ids: tuple[str, ...] = ()
    expectation_id: str = ""


class ScenarioStepRefused(Event, frozen=True):
    """The world or the target said no; the scenario goes on, and fails in the end."""

    TOPIC: ClassVar[str] = "scenario.step-refused.1"
    at: int
    index: int
    due_at: int
    action: str
    error: str
    reason: str
    hint: str = ""


class ScenarioExpectationSettled(Event, frozen=True):
    """The expectation that a step raised has its verdict. `nearest` are the messages that came near a missed one."""

    TOPIC: ClassVar[str] = "scenario.expectation-settled.1"
    INCIDENTAL: ClassVar[tuple[str, ...]] = ("nearest",)
    at: int
    index: int
    verdict: Verdict
    title: str = ""
    reason: str = ""
    nearest: tuple[NearMiss, ...] = ()


class ScenarioExecutionFinished(Event, frozen=True):
    """All steps are done, all expectations settled. `reasons` say why it has not passed."""

    TOPIC: ClassVar[str] = "scenario.execution-finished.1"
    at: int
    verdict: ScenarioVerdict
    reasons: tuple[str, ...] = ()


class ScenarioExecutionStopped(Event, frozen=True):
    """Called off: what was not due yet never happens."""

    TOPIC: ClassVar[str] = "scenario.execution-stopped.1"
    at: int
    reason: str
