"""ScenarioExecution: one scenario played on one run, step by step, on the run's logical time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from depot_sim.domain.interaction.expectation_events import NearMiss, Verdict
from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.errors import Conflict, DepotSimError, InvalidInput
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.kernel.reading import read
from depot_sim.domain.run.commands import Command
from depot_sim.domain.run.world.state import NEVER
from depot_sim.domain.scenario import execution_events as e
from depot_sim.domain.scenario.execution_events import ScenarioVerdict
from depot_sim.domain.scenario.script import OVERRIDE, Script, Step, is_reference, resolved
from depot_sim.domain.scenario.script_reading import ScriptReader


class ExecutionStatus(StrEnum):
    """UNREADABLE: written by another version, in words this one does not know; it is left alone."""

    NOT_STARTED = "not_started"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    UNVERIFIED = "unverified"
    STOPPED = "stopped"
    UNREADABLE = "unreadable"


class Raised(NamedTuple):
    """An expectation that a step raised."""

    step: int
    kind: str
    target: str
    expectation_id: str


class Done(NamedTuple):
    """What a step came to."""

    topics: tuple[str, ...] = ()
    target: str = ""
    override_ids: tuple[str, ...] = ()
    expectation_id: str = ""


class ExecutionState:
    """`outcomes` are those of the steps so far, in order; `settled` are verdicts on expectations, by step."""

    __slots__ = ("ended", "outcomes", "reader", "script", "settled", "started", "status")

    def __init__(self, reader: ScriptReader) -> None:
        self.reader = reader
        self.status = ExecutionStatus.NOT_STARTED
        self.started: e.ScenarioExecutionStarted | None = None
        self.script: Script | None = None
        self.outcomes: list[e.ScenarioStepApplied | e.ScenarioStepRefused] = []
        self.settled: dict[int, e.ScenarioExpectationSettled] = {}
        self.ended: e.ScenarioExecutionFinished | e.ScenarioExecutionStopped | None = None


def stream_of(run_id: str, execution_id: str) -> str:
    """Execution ids hold no dash, so that no two runs can share a stream."""
    return f"scenario-{run_id}-{execution_id}"


class ScenarioExecution(Aggregate[ExecutionState]):
    """Says which step is due, and keeps what became of it. It changes nothing but itself.

    `reader` knows the protocol families that the recorded script may be about.
    """

    __slots__ = ("execution_id", "run_id")

    def __init__(self, run_id: str, execution_id: str, reader: ScriptReader) -> None:
        super().__init__(stream_of(run_id, execution_id), ExecutionState(reader))
        self.run_id = run_id
        self.execution_id = execution_id

    def start(self, at: int, raw: object, *, source: str, names: Mapping[str, str], begins_at: int) -> None:
        """Pin a document that the reader has found sound."""
        document = msgspec.Raw(msgspec.json.encode(raw))
        self.emit(
            e.ScenarioExecutionStarted(
                at=at,
                run_id=self.run_id,
                execution_id=self.execution_id,
                source=source,
                script=document,
                names=dict(names),
                begins_at=max(at, begins_at),
            )
        )

    @property
    def started(self) -> e.ScenarioExecutionStarted:
        assert self.state.started is not None, "the execution has started"
        return self.state.started

    @property
    def script(self) -> Script:
        assert self.state.script is not None, "the execution has started"
        return self.state.script

    @property
    def status(self) -> ExecutionStatus:
        return self.state.status

    @property
    def is_running(self) -> bool:
        return self.state.status is ExecutionStatus.RUNNING

    @property
    def ends_at(self) -> int:
        return self.started.begins_at + self.script.ends

    @property
    def latest_end(self) -> int:
        """When what it expects has had its time, too: that counts from the tick in which it was asked for."""
        steps = self.script.steps
        raised = [done.at + steps[done.index].window for done in self.state.outcomes if steps[done.index].window]
        return max([self.started.begins_at + self.script.latest_end, *raised])

    @property
    def next_step(self) -> Step | None:
        """The first step that has no outcome yet."""
        done = len(self.state.outcomes)
        return self.script.steps[done] if self.is_running and done < len(self.script.steps) else None

    def due_at(self, step: Step) -> int:
        return self.started.begins_at + step.at

    @property
    def overrides(self) -> frozenset[str]:
        """The ids of those its steps have applied."""
        applied = [done for done in self.state.outcomes if isinstance(done, e.ScenarioStepApplied)]
        return frozenset(id for done in applied if done.action == OVERRIDE for id in done.override_ids)

    def next_moment(self, at: int) -> int:
        """When it has to be looked at again, seen from `at`; NEVER when only expectations are open."""
        if not self.is_running:
            return NEVER
        step = self.next_step
        if step is not None:
            return self.due_at(step)
        return self.ends_at if at < self.ends_at else NEVER

    def is_over(self, at: int) -> bool:
        """All steps are done and its time has passed; only its expectations may still be open."""
        return self.is_running and self.next_step is None and at >= self.ends_at

    def action_of(self, step: Step) -> msgspec.Struct:
        """The action of a step as its type, its names resolved. Raises InvalidInput."""
        reading = read(self.body_of(step), self.state.reader.actions[step.action])
        reading.faults.raise_if_any()
        assert reading.document is not None, "no document means a fault"
        return reading.document

    def command_of(self, step: Step) -> Command:
        """The world command of a step, its names resolved. Raises InvalidInput."""
        command = self.action_of(step)
        assert isinstance(command, Command), "a step that is a world command"
        return command

    def body_of(self, step: Step) -> dict[str, Any]:
        """The action as written, its names resolved."""
        return dict(resolved(dict(step.body), self.started.names))

    def kind_of(self, step: Step) -> str:
        """What kind of target a step is about."""
        on = step.body["on"]
        assert is_reference(on), "targets are always named"
        return self.script.needs[on[1:]]

    def applied(self, at: int, done: Done) -> None:
        """The next step was carried out."""
        step, index = self._next()
        self.emit(e.ScenarioStepApplied(at, index, self.due_at(step), step.action, *done))

    def refused(self, at: int, error: DepotSimError) -> None:
        """The next step was refused."""
        step, index = self._next()
        reason = error.detail
        if isinstance(error, InvalidInput):
            reason = "; ".join(str(fault) for fault in error.faults)
        self.emit(
            e.ScenarioStepRefused(
                at=at,
                index=index,
                due_at=self.due_at(step),
                action=step.action,
                error=error.type,
                reason=reason,
                hint=error.hint,
            )
        )

    def open_expectations(self) -> Sequence[Raised]:
        """Those its steps have raised and that have no verdict yet."""
        if not self.is_running:
            return []
        return [
            Raised(
                outcome.index, self.kind_of(self.script.steps[outcome.index]), outcome.target, outcome.expectation_id
            )
            for outcome in self.state.outcomes
            if isinstance(outcome, e.ScenarioStepApplied)
            and outcome.expectation_id
            and outcome.index not in self.state.settled
        ]

    def settle(
        self,
        at: int,
        index: int,
        verdict: Verdict,
        title: str = "",
        reason: str = "",
        nearest: tuple[NearMiss, ...] = (),
    ) -> None:
        """Keep the verdict on what a step expected: those who gave it forget it in time."""
        self.emit(e.ScenarioExpectationSettled(at, index, verdict, title, reason, nearest))

    def finish(self, at: int, undelivered: Sequence[str] = ()) -> None:
        """Give the verdict; `undelivered` says what was due meanwhile and was not delivered."""
        assert self.is_over(at), "there is nothing left to do"
        assert not self.open_expectations(), "every expectation has its verdict"
        failures, doubts = (*self._failures(), *undelivered), tuple(self._doubts())
        verdict = ScenarioVerdict.PASSED
        if failures or doubts:
            verdict = ScenarioVerdict.FAILED if failures else ScenarioVerdict.UNVERIFIED
        self.emit(e.ScenarioExecutionFinished(at, verdict, failures or doubts))

    @property
    def verdict(self) -> ScenarioVerdict | None:
        """None as long as it is not over. One that was stopped shows nothing but what had failed by then."""
        match self.state.ended:
            case e.ScenarioExecutionFinished(verdict=verdict):
                return verdict
            case e.ScenarioExecutionStopped():
                return ScenarioVerdict.FAILED if any(self._failures()) else ScenarioVerdict.UNVERIFIED
        return None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it has not passed."""
        match self.state.ended:
            case e.ScenarioExecutionFinished(reasons=reasons):
                return reasons
            case e.ScenarioExecutionStopped(reason=reason):
                return (reason, *self._failures())
        return ()

    def _failures(self) -> Iterator[str]:
        """Steps that were refused and expectations that were missed."""
        for outcome in self.state.outcomes:
            if isinstance(outcome, e.ScenarioStepRefused):
                yield f"step {outcome.index + 1} ({outcome.action}) was refused: {outcome.reason}"
        yield from (_sentence(one, "missed") for one in self._settled(Verdict.MISSED))

    def _doubts(self) -> Iterator[str]:
        """Why nothing is verified although nothing failed."""
        retired = self._settled(Verdict.RETIRED)
        yield from (_sentence(one, "closed without a verdict") for one in retired)
        if not retired and not self._settled(Verdict.MET):
            yield "the scenario expects no message, so nothing was verified"

    def _settled(self, verdict: Verdict) -> Sequence[e.ScenarioExpectationSettled]:
        return [settled for settled in self.state.settled.values() if settled.verdict is verdict]

    def stop(self, at: int, reason: str) -> None:
        """Call it off. Raises Conflict when it is over."""
        if not self.is_running:
            raise Conflict(f"scenario execution {self.execution_id} is {self.status}", "nothing needs to be stopped")
        self.emit(e.ScenarioExecutionStopped(at, reason))

    def _next(self) -> tuple[Step, int]:
        step = self.next_step
        assert step is not None, "only a step that is next has an outcome"
        return step, len(self.state.outcomes)


def _sentence(settled: e.ScenarioExpectationSettled, what_happened: str) -> str:
    expected = settled.title or "what was expected"
    return f"step {settled.index + 1}: {expected} was {what_happened} ({settled.reason})"


def _on_started(state: ExecutionState, event: e.ScenarioExecutionStarted) -> None:
    raw = msgspec.json.decode(event.script)
    try:
        state.started, state.script, state.status = event, state.reader.read(raw), ExecutionStatus.RUNNING
    except InvalidInput:
        nothing = Script(str(raw.get("name", "")), "", "", {}, (), 0)
        state.started, state.script, state.status = event, nothing, ExecutionStatus.UNREADABLE


def _on_outcome(state: ExecutionState, event: e.ScenarioStepApplied | e.ScenarioStepRefused) -> None:
    state.outcomes.append(event)


def _on_settled(state: ExecutionState, event: e.ScenarioExpectationSettled) -> None:
    state.settled[event.index] = event


def _on_finished(state: ExecutionState, event: e.ScenarioExecutionFinished) -> None:
    state.status, state.ended = ExecutionStatus(event.verdict.value), event


def _on_stopped(state: ExecutionState, event: e.ScenarioExecutionStopped) -> None:
    state.status, state.ended = ExecutionStatus.STOPPED, event


_HANDLERS: Mapping[type[Event], Callable[[ExecutionState, Any], None]] = {
    e.ScenarioExecutionStarted: _on_started,
    e.ScenarioStepApplied: _on_outcome,
    e.ScenarioStepRefused: _on_outcome,
    e.ScenarioExpectationSettled: _on_settled,
    e.ScenarioExecutionFinished: _on_finished,
    e.ScenarioExecutionStopped: _on_stopped,
}
ScenarioExecution.handlers = MappingProxyType(_HANDLERS)
