"""The run service: load, decide, append for everything a person or a test asks of a run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from depot_sim.application.clock import Clock
from depot_sim.application.configuration.service import ConfigurationService, ConfigurationVersion
from depot_sim.application.event_log import EventLog
from depot_sim.application.ids import IdSource
from depot_sim.application.memory import MemoryBudget
from depot_sim.application.repository import Origin
from depot_sim.application.run.advancing import CLOCK, OWN_MANNER, Advances, Manner, Move, tick_slice
from depot_sim.application.run.answers import Asked, Kept, answer_write, asked_under, known
from depot_sim.application.run.archive import StoredRun
from depot_sim.application.run.host import HeldRun, RunHost
from depot_sim.application.run.outcome import Outcome, outcome_of
from depot_sim.application.run.requests import StartRun, check_settle, check_start, parse_moment, time_at
from depot_sim.application.run.scripts import NoScripts, Scripts
from depot_sim.application.run.start import run_cost, started_run
from depot_sim.application.run.writer import RunWriter
from depot_sim.application.under_way import UnderWay
from depot_sim.domain.kernel.errors import Conflict, Fault, InvalidInput
from depot_sim.domain.run.aggregate import RunStatus, SimulationRun
from depot_sim.domain.run.commands import Command
from depot_sim.domain.run.digest import RunDigest
from depot_sim.domain.run.events import ResumeReason

MAX_TICKS = 1_000_000
_MAX_TICKS_AT_ONCE = 100  # of a run that is behind its clock


class RunService:
    """Every method is one use case. Raises the errors of domain/kernel/errors.py; a refused request leaves no trace.

    With an idempotency key a repeated request gets the first answer again, whoever answers it, and changes nothing.
    """

    def __init__(
        self,
        log: EventLog,
        host: RunHost,
        configurations: ConfigurationService,
        ids: IdSource,
        clock: Clock,
        under_way: UnderWay,
        *,
        scripts: Scripts | None = None,
        memory: MemoryBudget | None = None,
    ) -> None:
        self._log = log
        self._host = host
        self._configurations = configurations
        self._ids = ids
        self._clock = clock
        self._scripts = scripts if scripts is not None else NoScripts()
        self._memory = memory if memory is not None else MemoryBudget()
        self.advances = Advances(log, host, self._scripts, under_way)

    async def start(self, request: StartRun, origin: Origin) -> Outcome:
        """Start a run on a configuration version (default: the newest) and hold it."""
        check_start(request)
        stored = await self._configurations.get(request.configuration_id, request.configuration_version)
        with self._memory.reserved("the run", run_cost(stored.definition)):
            return await self._start(request, stored, origin)

    async def _start(self, request: StartRun, stored: ConfigurationVersion, origin: Origin) -> Outcome:
        run_id = request.run_id or self._ids.new_id()
        run = started_run(run_id, stored.definition, stored.version, request, self._clock)
        async with self._host.starting(run_id) as token:
            run.acquire_lease(self._host.owner, token)
            held = HeldRun(RunWriter(StoredRun(run, RunDigest()), token))
            await self._host.save(held, _metadata(origin))
            self._host.hold(held)
        return outcome_of(run)

    async def pause(self, run_id: str, origin: Origin, key: str | None = None) -> Outcome:
        return await self._decide(run_id, origin, asked_under(key, run_id, "pause"), SimulationRun.pause, at_once=True)

    async def resume(self, run_id: str, origin: Origin, key: str | None = None) -> Outcome:
        def decision(run: SimulationRun) -> None:
            run.resume(ResumeReason.OPERATOR)

        return await self._decide(run_id, origin, asked_under(key, run_id, "resume"), decision, at_once=True)

    async def stop(self, run_id: str, origin: Origin, key: str | None = None) -> Outcome:
        """End the run for good."""
        return await self._decide(run_id, origin, asked_under(key, run_id, "stop"), SimulationRun.stop, at_once=True)

    async def command(self, run_id: str, command: Command, origin: Origin, key: str | None = None) -> Outcome:
        """Change the world at the run's present logical time."""
        asked = asked_under(key, run_id, command.NAME, command)
        return await self._decide(run_id, origin, asked, lambda run: run.command(command))

    async def tick(
        self, run_id: str, count: int, origin: Origin, key: str | None = None, manner: Manner = OWN_MANNER
    ) -> Outcome:
        """Advance a manual run by whole ticks."""
        if not 1 <= count <= MAX_TICKS:
            raise InvalidInput([Fault("/count", str(count), f"a whole number from 1 to {MAX_TICKS}")])

        def target(run: SimulationRun) -> int:
            return run.world.at + count * run.started.tick_ms

        asked = asked_under(key, run_id, "tick", count)
        return await self._advance(Move(run_id, origin, asked, target, manner))

    async def advance_to(
        self, run_id: str, moment: str, origin: Origin, key: str | None = None, manner: Manner = OWN_MANNER
    ) -> Outcome:
        """Advance a manual run to a moment: an RFC 3339 time, or "+90 min" since the run's start."""

        def target(run: SimulationRun) -> int:
            return _target(run, moment)

        asked = asked_under(key, run_id, "advance-to", moment)
        return await self._advance(Move(run_id, origin, asked, target, manner))

    async def _advance(self, move: Move) -> Outcome:
        check_settle(move.manner.settle, "/settle")
        return await self._once(move.asked, lambda: self.advances.advance(move))

    async def cancel_advance(self, run_id: str) -> Outcome:
        """End the advance by hand that is under way. Raises Conflict without one, RunHeldElsewhere, NotFound."""
        async with self._host.writing(run_id) as held:
            self.advances.cancel(run_id)
            return outcome_of(held.run)

    async def carry_to_present(self, run_id: str) -> None:
        """Bring a run that follows wall time up to the present, with a short tick at the end.

        Does nothing for a run that another process holds. Whoever asks while another one does finds the run there:
        commands that wait share one short tick. Others get their turn between two parts of a long way.
        """
        asked_us, is_behind = self._clock.monotonic_us(), True
        while is_behind and self._host.held(run_id) is not None:
            async with self._host.writing(run_id) as held:
                is_behind = await self._carry(held, asked_us)

    async def _carry(self, held: HeldRun, asked_us: int) -> bool:
        """Part of the way to the present; whether the run is still behind the moment at which it was asked."""
        pace, run = held.pace, held.run
        if pace is None or run.started.clock.lock_step:  # the present of a run in step is the instant it waits at
            return False
        if run.status is not RunStatus.RUNNING:
            pace.rebase()
            return False
        if pace.at(asked_us) > run.world.at:
            await self.follow(held, pace.present())
        return pace.at(asked_us) > run.world.at

    async def follow(self, held: HeldRun, to: int) -> int:
        """Advance towards `to` by the run's clock, at most so far as others can wait for; the caller holds the lock.

        How many ticks were left out, because the run is slower than its clock.
        """
        assert held.pace is not None, "the run follows wall time"
        most = held.run.world.at + _MAX_TICKS_AT_ONCE * held.run.started.tick_ms
        if held.run.started.clock.lock_step:
            await self.advances.step(held, to)
        else:
            await self._advance_held(held, min(to, most))
        if to <= most or held.pace.catches_up:
            return 0
        held.pace.rebase()
        return (to - most) // held.run.started.tick_ms

    async def _advance_held(self, held: HeldRun, to: int) -> None:
        while held.run.world.at < to:
            await tick_slice(held.run, min(to, await self._scripts.play(held)), to)
            await self._host.save(held, _metadata(CLOCK))
        await self._scripts.play(held)

    async def _decide(
        self,
        run_id: str,
        origin: Origin,
        asked: Asked | None,
        decision: Callable[[SimulationRun], None],
        *,
        at_once: bool = False,
    ) -> Outcome:
        """Decide at the run's present; `at_once`, wherever a run is that has a long way to go to it."""

        async def decide() -> Outcome:
            asked_us = self._clock.monotonic_us()
            while True:
                async with self._host.writing(run_id) as held:
                    found = await known(self._log, asked)
                    if found.answer is not None:
                        return _answer(found.answer)
                    if await self._carry(held, asked_us) and not at_once:
                        continue
                    await self._scripts.play(held)
                    return await self._save_decision(held, decision, origin, asked, found)

        return await self._once(asked, decide)

    async def _save_decision(
        self,
        held: HeldRun,
        decision: Callable[[SimulationRun], None],
        origin: Origin,
        asked: Asked | None,
        found: Kept,
    ) -> Outcome:
        run = held.run
        decision(run)
        outcome = outcome_of(run, [event.TOPIC for event in run.pending])
        beside = answer_write(asked, found, run.world.at, answer=outcome)
        stopped = run.status is RunStatus.STOPPED
        ended = await self._scripts.ended(held) if stopped else ()
        await self._host.save(held, _metadata(origin), [*beside, *ended])
        if stopped:
            await self._host.retire(held)
        return outcome

    async def _once(self, asked: Asked | None, act: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """What `act` comes to, or what it has come to before, perhaps in another process."""
        answer = (await known(self._log, asked)).answer
        if answer is None:
            try:
                return await act()
            except Conflict:
                answer = (await known(self._log, asked)).answer
                if answer is None:
                    raise
        return _answer(answer)


def _target(run: SimulationRun, moment: str) -> int:
    to, at = parse_moment(run.started.start_time, moment, "/to"), run.world.at
    if to < at:
        now = time_at(run.started.start_time, at)
        raise InvalidInput([Fault("/to", repr(moment), f"a time not before {now}: time goes forward only")])
    if to - at > MAX_TICKS * run.started.tick_ms:
        raise InvalidInput([Fault("/to", repr(moment), f"at most {MAX_TICKS} ticks ahead")])
    return to


def _metadata(origin: Origin) -> bytes:
    return msgspec.json.encode(origin)


def _answer(kept_answer: bytes) -> Outcome:
    return msgspec.json.decode(kept_answer, type=Outcome)
