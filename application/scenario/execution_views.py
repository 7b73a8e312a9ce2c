"""Scenario executions as they look from outside."""

from __future__ import annotations

from typing import Any

import msgspec

from depot_sim.application.run.requests import time_at
from depot_sim.domain.interaction.expectation_events import NearMiss, Verdict
from depot_sim.domain.scenario.execution import ExecutionStatus, ScenarioExecution
from depot_sim.domain.scenario.execution_events import ScenarioStepApplied, ScenarioStepRefused, ScenarioVerdict
from depot_sim.domain.scenario.script import Script, Step


class StepView(msgspec.Struct, frozen=True):
    """`state` is "waiting", "applied", "refused", or "skipped" when the scenario was stopped before.

    `at` is when it was carried out, null before; `topics` are the run's events it made, and `body` is what it asked,
    with the names resolved. `verdict` is that on what a step expects, and `nearest` the messages that came near it.
    """

    index: int
    due: str
    action: str
    body: dict[str, Any]
    note: str
    state: str
    at: str | None = None
    topics: tuple[str, ...] = ()
    target: str = ""
    override_ids: tuple[str, ...] = ()
    expectation_id: str = ""
    verdict: Verdict | None = None
    reason: str = ""
    hint: str = ""
    nearest: tuple[NearMiss, ...] = ()


class ExecutionSummary(msgspec.Struct, frozen=True):
    """`begins` and `ends` are times of the run, `begins_at` and `ends_at` the same in ms since its start.

    The end is when everything it expects on the run's clock has had its time; it may have its verdict before.
    `verdict` is null until then; `reasons` say why it is not "passed". A stopped one is "failed" by what had failed
    before, otherwise "unverified".
    """

    execution_id: str
    run_id: str
    name: str
    source: str
    status: ExecutionStatus
    begins: str
    ends: str
    begins_at: int
    ends_at: int
    steps_done: int
    steps_total: int
    verdict: ScenarioVerdict | None = None
    reasons: tuple[str, ...] = ()


class ExecutionView(ExecutionSummary, frozen=True, kw_only=True):
    """With every step, and what each name stands for."""

    description: str
    names: dict[str, str]
    steps: tuple[StepView, ...]


class ExecutionList(msgspec.Struct, frozen=True):
    """The oldest first."""

    scenarios: list[ExecutionSummary]


class ScenarioSummary(msgspec.Struct, frozen=True):
    """A scenario of the library. `lasts_ms` is logical time."""

    name: str
    description: str
    depot: str
    needs: dict[str, str]
    steps: int
    lasts_ms: int


class ScenarioView(msgspec.Struct, frozen=True):
    """A scenario of the library, whole; `text` is its YAML."""

    summary: ScenarioSummary
    document: dict[str, Any]
    text: str


def summary_of(script: Script) -> ScenarioSummary:
    needs = dict(script.needs)
    return ScenarioSummary(script.name, script.description, script.depot, needs, len(script.steps), script.latest_end)


def summarised(execution: ScenarioExecution, start_time: str) -> ExecutionSummary:
    return ExecutionSummary(**_summary_fields(execution, start_time))


def viewed(execution: ScenarioExecution, start_time: str) -> ExecutionView:
    steps = (_step_view(execution, index, start_time) for index in range(len(execution.script.steps)))
    return ExecutionView(
        **_summary_fields(execution, start_time),
        description=execution.script.description,
        names=execution.started.names,
        steps=tuple(steps),
    )


def _summary_fields(execution: ScenarioExecution, start_time: str) -> dict[str, Any]:
    return {
        "execution_id": execution.execution_id,
        "run_id": execution.run_id,
        "name": execution.script.name,
        "source": execution.started.source,
        "status": execution.status,
        "begins": time_at(start_time, execution.started.begins_at),
        "ends": time_at(start_time, execution.latest_end),
        "begins_at": execution.started.begins_at,
        "ends_at": execution.latest_end,
        "steps_done": len(execution.state.outcomes),
        "steps_total": len(execution.script.steps),
        "verdict": execution.verdict,
        "reasons": execution.reasons,
    }


def _verdict(
    execution: ScenarioExecution, outcome: ScenarioStepApplied
) -> tuple[Verdict | None, str, str, tuple[NearMiss, ...]]:
    """On what a step expects, the reason, no hint, and what came near."""
    settled = execution.state.settled.get(outcome.index)
    if settled is not None:
        return settled.verdict, settled.reason, "", settled.nearest
    return (Verdict.WAITING if outcome.expectation_id else None), "", "", ()


def _step_view(execution: ScenarioExecution, index: int, start_time: str) -> StepView:
    step: Step = execution.script.steps[index]
    due, body = time_at(start_time, execution.due_at(step)), execution.body_of(step)
    asked = (index, due, step.action, body, step.note)
    if index >= len(execution.state.outcomes):
        return StepView(*asked, "waiting" if execution.is_running else "skipped")
    outcome = execution.state.outcomes[index]
    at = time_at(start_time, outcome.at)
    match outcome:
        case ScenarioStepApplied():
            left = (outcome.topics, outcome.target, outcome.override_ids, outcome.expectation_id)
            return StepView(*asked, "applied", at, *left, *_verdict(execution, outcome))
        case ScenarioStepRefused():
            return StepView(*asked, "refused", at, reason=outcome.reason, hint=outcome.hint)
