"""Scenarios for people: the library, and what each step of an execution did."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from depot_sim.adapters.cli.target_lines import near_lines
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.application.scenario.execution_views import ExecutionSummary, ExecutionView, ScenarioSummary, StepView
from depot_sim.domain.kernel.quantities import MS_PER_MINUTE, MS_PER_SECOND

_MARKS = {"applied": "✓", "refused": "✗", "waiting": "", "skipped": "-"}


def show_library(terminal: Terminal, found: Iterable[ScenarioSummary]) -> None:
    rows = [(one.name, one.steps, length(one.lasts_ms), one.description) for one in found]
    terminal.table(("scenario", "steps", "lasts", "what it shows"), rows, right=("steps", "lasts"), whole=("lasts",))


def show_executions(terminal: Terminal, found: Iterable[ExecutionSummary]) -> None:
    rows = [
        (one.execution_id, one.name, one.status, f"{one.steps_done}/{one.steps_total}", _clock(one.begins))
        for one in found
    ]
    terminal.table(("id", "scenario", "status", "steps", "begins"), rows, right=("steps",), whole=("begins",))


def show_execution(terminal: Terminal, found: ExecutionView) -> None:
    """A table of all steps, then how it stands."""
    rows = [(_MARKS[step.state], _clock(step.due), step.action, _asked(step), _became(step)) for step in found.steps]
    terminal.table(("", "due", "action", "asked", "what it did"), rows, whole=("due", "action"))
    names = ", ".join(f"{name}={id}" for name, id in found.names.items())
    terminal.text(f"\n{found.name} on run {found.run_id}, execution {found.execution_id}: {outlook(found)}\n")
    if names:
        terminal.text(f"{names}\n")
    for step in found.steps:
        for line in near_lines(step.nearest):
            terminal.text(f"step {step.index + 1} {line}\n")


def outlook(found: ExecutionSummary) -> str:
    """How it stands, in a few words."""
    done = f"{found.steps_done} of {found.steps_total} steps done"
    reasons = "".join(f"\n  {reason}" for reason in found.reasons)
    return f"{found.status}, {done}, {_clock(found.begins)} to {_clock(found.ends)}{reasons}"


def length(lasts_ms: int) -> str:
    """In minutes when they are whole ones."""
    if lasts_ms % MS_PER_MINUTE == 0 and lasts_ms:
        return f"{lasts_ms // MS_PER_MINUTE} min"
    return f"{lasts_ms / MS_PER_SECOND:g} s"


def _clock(time: str) -> str:
    """The time of day, seconds included."""
    return time[11:19]


def _asked(step: StepView) -> str:
    return ", ".join(f"{name} {_plain(value)}" for name, value in step.body.items())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _became(step: StepView) -> str:
    said = [step.note] if step.note else []
    if step.verdict is not None:
        why = f" ({step.reason})" if step.reason else ""
        said.append(f"expectation {step.expectation_id} {step.verdict}{why}")
    elif step.reason:
        said.append(f"refused: {step.reason}")
    said += [f"override {override_id}" for override_id in step.override_ids]
    return "; ".join([*said, *(topic.rpartition(".")[0] for topic in step.topics)])
