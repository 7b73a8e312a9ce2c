"""Scenarios on runs without a server: world commands only, as there is no feed or session.

Steps that force something on one are refused. What steps expect of one is closed without a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from depot_sim.application.event_log import Append, StreamWrite
from depot_sim.application.run.writer import RunWriter
from depot_sim.application.scenario.playing import RUN_STOPPED, metadata_of, next_due, pending_write
from depot_sim.domain.interaction.expectation_events import Verdict
from depot_sim.domain.kernel.errors import CommandRefused, DepotSimError
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.world.state import NEVER
from depot_sim.domain.scenario.binding import cast
from depot_sim.domain.scenario.execution import Done, ScenarioExecution
from depot_sim.domain.scenario.script import EXPECT, Step
from depot_sim.domain.scenario.script_reading import ScriptReader


class BatchScripts:
    """The scenarios of one run, played by whoever ticks it. `executions` tell how they stand."""

    def __init__(self, executions: Sequence[ScenarioExecution] = ()) -> None:
        self.executions = executions

    def play(
        self,
        writer: RunWriter,
        write: Callable[[Append], Sequence[int]],
        observe: Callable[[Sequence[Event]], None],
    ) -> int:
        """Carry out and write every step that is due; when the next one is due."""
        running = [execution for execution in self.executions if execution.is_running]
        at = writer.run.world.at
        while (due := next_due(running, at)) is not None:
            execution, step = due
            _carry_out(writer.run, execution, step)
            observe(writer.run.pending)
            write(writer.next_append(metadata_of(execution), beside=[pending_write(execution)]))
        for execution in running:
            if execution.is_over(at):
                _settle(execution, at)
                execution.finish(at)
                write(writer.next_append(metadata_of(execution), beside=[pending_write(execution)]))
        return min((execution.next_moment(at) for execution in running), default=NEVER)

    def ended(self, at: int) -> Sequence[StreamWrite]:
        """What belongs into the append that ends the run."""
        running = [execution for execution in self.executions if execution.is_running]
        for execution in running:
            execution.stop(at, RUN_STOPPED)
        return [pending_write(execution) for execution in running]


def started_execution(
    run: SimulationRun, reader: ScriptReader, raw: Any, source: str, names: Mapping[str, str]
) -> ScenarioExecution:
    """A scenario from the present of a run on, not saved yet. Raises InvalidInput."""
    filled = cast(reader.read(raw), run.depot, None, names)
    execution = ScenarioExecution(run.run_id, "1", reader)
    execution.start(run.world.at, raw, source=source, names=filled, begins_at=run.world.at)
    return execution


def _carry_out(run: SimulationRun, execution: ScenarioExecution, step: Step) -> None:
    """A command that stops halfway would leave traces; none of them does."""
    at, before = run.world.at, len(run.pending)
    if step.action == EXPECT:
        execution.applied(at, Done())
        _close(execution, at, len(execution.state.outcomes) - 1, "a run without a server has no feeds and no sessions")
        return
    try:
        if not step.is_world_command:
            raise CommandRefused("a run without a server has no feeds and no sessions", "play it on a server")
        run.command(execution.command_of(step))
    except DepotSimError as error:
        assert len(run.pending) == before, "what is refused has changed nothing"
        execution.refused(at, error)
    else:
        execution.applied(at, Done(topics=tuple(event.TOPIC for event in run.pending[before:])))


def _settle(execution: ScenarioExecution, at: int) -> None:
    """What steps expected while the run was on a server, nobody can meet here."""
    for raised in execution.open_expectations():
        _close(execution, at, raised.step, "the run went on without a server")


def _close(execution: ScenarioExecution, at: int, index: int, reason: str) -> None:
    title = execution.script.steps[index].body.get("title", "")
    execution.settle(at, index, Verdict.RETIRED, title, reason)
