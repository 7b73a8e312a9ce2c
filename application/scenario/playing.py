"""Playing scenarios on the runs this process holds: whatever is due is carried out between two ticks.

A world command and the record of its step are one append: both happened, or neither did. What goes to a feed or a
session is carried out first and recorded then: a crash in between repeats it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import msgspec

from depot_sim.application.channels.background import Background
from depot_sim.application.channels.channel import Channel
from depot_sim.application.channels.control import Controls
from depot_sim.application.channels.deliveries import Due
from depot_sim.application.channels.timers import AGAIN_US, Timers
from depot_sim.application.clock import Clock
from depot_sim.application.event_log import EventLog, StreamWrite
from depot_sim.application.repository import Origin
from depot_sim.application.run.host import HeldRun, RunHost
from depot_sim.application.scenario.stored import StoredExecutions
from depot_sim.application.under_way import applied_at_once
from depot_sim.domain.interaction.expectation_events import Verdict
from depot_sim.domain.interaction.override_requests import LONGEST_REASON
from depot_sim.domain.interaction.overrides import ALL
from depot_sim.domain.kernel.errors import (
    CommandRefused,
    Conflict,
    DepotSimError,
    LeaseLost,
    NotFound,
    RunHeldElsewhere,
    StoreError,
    VersionConflict,
)
from depot_sim.domain.kernel.events import encode
from depot_sim.domain.run.aggregate import RunStatus
from depot_sim.domain.run.world.state import NEVER
from depot_sim.domain.scenario.execution import Done, Raised, ScenarioExecution
from depot_sim.domain.scenario.script import CLEAR_OVERRIDES, EXPECT, OVERRIDE, Step
from depot_sim.domain.scenario.script_reading import ScriptReader, expectation_request, override_request

_log = logging.getLogger("depot_sim.scenarios")

_NOT_OURS = (LeaseLost, RunHeldElsewhere, VersionConflict, StoreError)
"""Errors that say nothing about the step: whoever holds the run next plays it."""
PATIENCE_SECONDS = 120
"""With a target, of wall time: it may have much of the run to look at first, but it must not stop the run for ever."""
RUN_STOPPED = "the run was stopped"
"""Why a scenario ended with its run."""


class _Awaited(NamedTuple):
    """So few deliveries were left then (us) for the first time."""

    left: int
    since_us: int


class ScriptPlayer:
    """The `Scripts` of runs that are held. The caller of every method holds the run's lock."""

    def __init__(
        self,
        log: EventLog,
        host: RunHost,
        controls: Controls,
        timers: Timers,
        clock: Clock,
        reader: ScriptReader,
    ) -> None:
        self._stored = StoredExecutions(log, reader)
        self._host = host
        self._controls = controls
        self._timers = timers
        self._clock = clock
        self._over: set[str] = set()  # streams of executions that wait for nothing but deliveries
        self._awaited: dict[str, _Awaited] = {}  # by the stream of an execution whose deliveries are awaited
        self._background = Background(_log)
        controls.on_change.append(self._channel_changed)
        host.on_held.append(lambda run_id: self._settle_in(run_id, 0))  # a verdict may have come while nobody held it
        self._playing: WeakKeyDictionary[HeldRun, list[ScenarioExecution]] = WeakKeyDictionary()

    async def executions(self, held: HeldRun) -> list[ScenarioExecution]:
        """All there ever were on the run, the oldest first; more may be added to the list."""
        known = self._playing.get(held)
        if known is None:
            known = await asyncio.to_thread(self._stored.of_run, held.run.run_id)
            self._playing[held] = known
        return known

    async def play(self, held: HeldRun) -> int:
        executions = [each for each in await self.executions(held) if each.is_running]
        if not executions or held.run.status is RunStatus.STOPPED:
            return NEVER
        at = held.run.world.at
        while (due := next_due(executions, at)) is not None:
            await self._carry_out(held, *due)
        for execution in executions:
            if execution.is_over(at):
                await self._settle(held, execution)
        return min(execution.next_moment(at) for execution in executions)

    async def ended(self, held: HeldRun) -> Sequence[StreamWrite]:
        running = [execution for execution in await self.executions(held) if execution.is_running]
        for execution in running:
            execution.stop(held.run.world.at, RUN_STOPPED)
        return [pending_write(execution) for execution in running]

    async def stop(self) -> None:
        """Keep no more verdicts: the runs are about to be given back."""
        await self._background.stop()

    # Verdicts on expectations, also of runs that stand still

    def _channel_changed(self, channel: Channel[Any]) -> None:
        """Keep the verdicts that the channel has given."""
        held = self._host.held(channel.run_id)
        executions = self._playing.get(held, ()) if held is not None else ()
        raised = [raised for execution in executions for raised in execution.open_expectations()]
        standings = [channel.expectations.find(one.expectation_id) for one in raised]
        is_settled = any(standing is not None and standing.verdict is not Verdict.WAITING for standing in standings)
        if is_settled or any(execution.stream in self._awaited for execution in executions):
            self._settle_in(channel.run_id, 0)

    def _settle_in(self, run_id: str, delay_us: int) -> None:
        self._timers.set((self, run_id), delay_us, lambda: self._background.spawn(self._settle_all(run_id)))

    async def _settle_all(self, run_id: str) -> None:
        held = self._host.held(run_id)
        if held is None:
            return
        try:
            async with held.lock:
                if self._host.held(run_id) is not held:
                    return
                executions = await self.executions(held)
            delivered = [each for each in executions if await self._has_delivered(each, held)]
            async with held.lock:
                if self._host.held(run_id) is not held:
                    return
                for execution in executions:
                    if execution.open_expectations() or execution in delivered:
                        await self._settle(held, execution, has_delivered=execution in delivered)
        except Conflict:  # the feeds are being loaded again
            self._settle_in(run_id, AGAIN_US)
        except Exception:  # noqa: BLE001 - whatever it was, the verdicts have to be kept
            _log.exception("verdicts of scenarios not kept", extra={"run_id": run_id})
            self._settle_in(run_id, AGAIN_US)

    async def _carry_out(self, held: HeldRun, execution: ScenarioExecution, step: Step) -> None:
        at = held.run.world.at
        try:
            done = await self._act(held, execution, step)
        except _NOT_OURS:
            raise
        except DepotSimError as error:
            await self._refuse(held, execution, error)
            return
        execution.applied(at, done)
        await self._host.save(held, metadata_of(execution), [pending_write(execution)])
        if done.expectation_id:
            self._settle_in(held.run.run_id, 0)  # it may have its verdict already

    async def _act(self, held: HeldRun, execution: ScenarioExecution, step: Step) -> Done:
        if step.is_world_command:
            held.run.command(execution.command_of(step))
            return Done(topics=tuple(event.TOPIC for event in held.run.pending))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._ask_target(execution, step)
        except TimeoutError:
            late = f"no answer from {execution.body_of(step)['on']} within {PATIENCE_SECONDS} s"
            raise CommandRefused(late, "see what is wrong with it, and start the scenario again") from None

    async def _ask_target(self, execution: ScenarioExecution, step: Step) -> Done:
        run_id, body, origin = execution.run_id, execution.body_of(step), origin_of(execution)
        target, control = body["on"], self._controls.of(execution.kind_of(step))
        if step.action in {OVERRIDE, CLEAR_OVERRIDES}:
            reason = _reason(execution, step)
            asked = {"reason": reason} | override_request(body) if step.action == OVERRIDE else {"clear": ALL}
            changed = await control.change_overrides(run_id, target, asked, origin)
            return Done(target=target, override_ids=changed.override_ids)
        if step.action == EXPECT:
            raised = await control.raise_expectation(run_id, target, expectation_request(body), origin)
            return Done(target=target, expectation_id=raised.expectation_id)
        with applied_at_once():  # the run's lock is held here
            await control.act(run_id, target, execution.action_of(step), origin)
        return Done(target=target)

    async def _refuse(self, held: HeldRun, execution: ScenarioExecution, error: DepotSimError) -> None:
        """Record it. What a command did before it was refused is not kept: such a run is loaded again."""
        execution.refused(held.run.world.at, error)
        half_done = bool(held.run.take_pending())
        await self._host.save(held, metadata_of(execution), [pending_write(execution)])
        if half_done:
            self._host.drop(held)
            raise Conflict(f"run {held.run.run_id} has just been reloaded", "send the request again")

    async def _has_delivered(self, execution: ScenarioExecution, held: HeldRun) -> bool:
        """Whether what was due while it was played has been delivered, or nothing of it for the run's settle time.

        The caller does not hold the run's lock: channels may need it to catch up with the run.
        """
        if not execution.is_over(held.run.world.at) or execution.open_expectations():
            return False
        left, now_us = await self._controls.left_to_deliver(_due(execution)), self._clock.monotonic_us()
        before = self._awaited.get(execution.stream)
        if left == 0:
            return True
        if before is None or left < before.left:
            before = self._awaited[execution.stream] = _Awaited(left, now_us)
        patience_us = before.since_us + held.run.started.clock.settle_ms * 1_000 - now_us
        if patience_us > 0:
            self._settle_in(execution.run_id, patience_us)
        return patience_us <= 0

    async def _settle(self, held: HeldRun, execution: ScenarioExecution, *, has_delivered: bool = False) -> None:
        """Keep what has become of its expectations, and give its own verdict when it is over and none is open."""
        at = held.run.world.at
        for raised in execution.open_expectations():
            await self._settle_expectation(execution, raised, at)
        if execution.is_over(at) and not execution.open_expectations():
            if has_delivered or not self._controls.deliver(execution.run_id):
                execution.finish(at, await self._controls.undelivered(_due(execution)))
                self._over.discard(execution.stream)
                self._awaited.pop(execution.stream, None)
            elif execution.stream not in self._over:
                self._over.add(execution.stream)
                self._settle_in(execution.run_id, 0)
        if execution.pending:
            await self._host.save(held, metadata_of(execution), [pending_write(execution)])

    async def _settle_expectation(self, execution: ScenarioExecution, raised: Raised, at: int) -> None:
        try:
            control = self._controls.of(raised.kind)
            view = await control.expectation(execution.run_id, raised.target, raised.expectation_id)
        except NotFound as gone:
            execution.settle(at, raised.step, Verdict.MISSED, reason=gone.detail)
            return
        if view.verdict is not Verdict.WAITING:
            execution.settle(at, raised.step, view.verdict, view.title, view.reason, view.nearest)


def _due(execution: ScenarioExecution) -> Due:
    return Due(execution.run_id, execution.started.begins_at, execution.ends_at, execution.overrides)


def origin_of(execution: ScenarioExecution) -> Origin:
    """Who is behind what a scenario does."""
    return Origin("scenario", causation_id=execution.stream)


def metadata_of(execution: ScenarioExecution) -> bytes:
    """What goes beside its events into the log."""
    return msgspec.json.encode(origin_of(execution))


def pending_write(execution: ScenarioExecution) -> StreamWrite:
    """What the execution has decided since its last save."""
    events = execution.take_pending()
    return StreamWrite(execution.stream, execution.version - len(events), [encode(event) for event in events])


def next_due(executions: Sequence[ScenarioExecution], at: int) -> tuple[ScenarioExecution, Step] | None:
    """The step that has been due for longest; of several the one whose scenario was started first."""
    due = [
        (execution.due_at(step), place, execution, step)
        for place, execution in enumerate(executions)
        if (step := execution.next_step) is not None and execution.due_at(step) <= at
    ]
    if not due:
        return None
    _, _, execution, step = min(due, key=lambda one: one[:2])
    return execution, step


def _reason(execution: ScenarioExecution, step: Step) -> str:
    """Which scenario a step belongs to, and what its author noted."""
    said = f"scenario {execution.script.name}, execution {execution.execution_id}"
    return (f"{said}: {step.note}" if step.note else said)[:LONGEST_REASON]
