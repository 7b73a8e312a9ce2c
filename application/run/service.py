"""The run service: load, decide, append for everything a person or a test asks of a run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from application.configuration.service import ConfigurationService
from application.event_log import EventLog, StreamWrite
from application.ids import IdSource
from application.repository import Origin
from application.run.answers import answer_write, answers_stream, check_key, kept_answer, request_hash
from application.run.archive import RunArchive, StoredRun
from application.run.host import HeldRun, RunHost
from application.run.requests import StartRun, check_start, parse_moment, time_at
from application.run.start import started_run
from application.run.writer import RunWriter
from domain.errors import CommandRefused, Conflict, Fault, InvalidInput, VersionConflict
from domain.run.aggregate import RunStatus, SimulationRun
from domain.run.commands import Command
from domain.run.digest import RunDigest
from domain.run.events import ClockMode, ResumeReason

MAX_TICKS = 1_000_000
_SLICE_EVENTS = 200  # between two appends of a long advance


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a request came to: the run's state after it, and the topics of the events it made."""

    run_id: str
    status: RunStatus
    time: str
    at: int
    version: int
    events: tuple[str, ...] = ()


class RunService:
    """Every method is one use case. Raises the errors of domain.errors; a refused request leaves no trace."""

    def __init__(self, log: EventLog, host: RunHost, configurations: ConfigurationService, ids: IdSource) -> None:
        self._log = log
        self._host = host
        self._configurations = configurations
        self._ids = ids
        self._archive = RunArchive(log)

    async def start(self, request: StartRun, origin: Origin) -> Outcome:
        """Start a run on a configuration version (default: the newest) and hold it."""
        check_start(request)
        stored = await self._configurations.get(request.configuration_id, request.configuration_version)
        run = started_run(request.run_id or self._ids.new_id(), stored.definition, stored.version, request)
        if await asyncio.to_thread(self._log.stream_version, run.stream):
            raise Conflict(f"run {run.run_id} has been started already", "choose another run id, or leave it out")
        async with self._host.starting(run.run_id) as token:
            run.acquire_lease(self._host.owner, token)
            held = HeldRun(RunWriter(StoredRun(run, RunDigest()), token))
            await self._host.save(held, _metadata(origin))
            self._host.hold(held)
        return _outcome(held)

    async def pause(self, run_id: str, origin: Origin) -> Outcome:
        return await self._decide(run_id, origin, lambda run: run.pause())

    async def resume(self, run_id: str, origin: Origin) -> Outcome:
        return await self._decide(run_id, origin, lambda run: run.resume(ResumeReason.OPERATOR))

    async def stop(self, run_id: str, origin: Origin) -> Outcome:
        """End the run for good."""
        outcome = await self._decide(run_id, origin, lambda run: run.stop())
        await self._host.retire(run_id)
        return outcome

    async def command(self, run_id: str, command: Command, origin: Origin, key: str | None = None) -> Outcome:
        """Change the world at the run's present logical time.

        With an idempotency key a repeated request gets the first answer again, whoever answers it, and changes nothing.
        """
        if key is None:
            return await self._decide(run_id, origin, lambda run: run.command(command))
        check_key(key)
        stream, asked = answers_stream(run_id, key), request_hash(command.NAME, command)
        kept = await asyncio.to_thread(kept_answer, self._log, stream, asked)
        if kept is None:
            try:
                return await self._decide(run_id, origin, lambda run: run.command(command), (stream, asked))
            except VersionConflict as conflict:
                if conflict.stream != stream:
                    raise
                kept = await asyncio.to_thread(kept_answer, self._log, stream, asked)
                assert kept is not None, "the conflict says that it is there"
        return msgspec.json.decode(kept, type=Outcome)

    async def tick(self, run_id: str, count: int, origin: Origin) -> Outcome:
        """Advance a manual run by whole ticks."""
        if not 1 <= count <= MAX_TICKS:
            raise InvalidInput([Fault("/count", str(count), f"a whole number from 1 to {MAX_TICKS}")])
        async with self._host.writing(run_id) as held:
            _require_manual(held.writer.run)
            run = held.writer.run
            return await self._advance(held, run.world.at + count * run.started.tick_ms, origin)

    async def advance_to(self, run_id: str, moment: str, origin: Origin) -> Outcome:
        """Advance a manual run to a moment: an RFC 3339 time, or "+90 min" since the run's start."""
        async with self._host.writing(run_id) as held:
            run = held.writer.run
            _require_manual(run)
            to = parse_moment(run.started.start_time, moment, "/to")
            if to < run.world.at:
                now = time_at(run.started.start_time, run.world.at)
                raise InvalidInput([Fault("/to", repr(moment), f"a time not before {now}: time goes forward only")])
            if to - run.world.at > MAX_TICKS * run.started.tick_ms:
                raise InvalidInput([Fault("/to", repr(moment), f"at most {MAX_TICKS} ticks ahead")])
            return await self._advance(held, to, origin)

    async def advance_held(self, held: HeldRun, to: int) -> None:
        """Advance by the run's clock; the caller holds the lock."""
        await self._advance(held, to, Origin(actor="clock"))

    async def _decide(
        self,
        run_id: str,
        origin: Origin,
        decision: Callable[[SimulationRun], None],
        answering: tuple[str, str] | None = None,
    ) -> Outcome:
        async with self._host.writing(run_id) as held:
            run = held.writer.run
            if answering is not None:
                kept = await asyncio.to_thread(kept_answer, self._log, *answering)
                if kept is not None:
                    return msgspec.json.decode(kept, type=Outcome)
            decision(run)
            events = [event.TOPIC for event in run.pending]
            beside: list[StreamWrite] = []
            if answering is not None:
                answer = msgspec.json.encode(_outcome(held, events))
                beside = [answer_write(answering[0], run.world.at, answering[1], answer)]
            await self._host.save(held, _metadata(origin), beside)
            return _outcome(held, events)

    async def _advance(self, held: HeldRun, to: int, origin: Origin) -> Outcome:
        run = held.writer.run
        while run.world.at < to:
            while run.world.at < to and len(run.pending) < _SLICE_EVENTS:
                run.tick_to(to)
            await self._host.save(held, _metadata(origin))
        return _outcome(held)


def _require_manual(run: SimulationRun) -> None:
    if run.started.clock.mode is not ClockMode.MANUAL:
        raise CommandRefused(f"run {run.run_id} follows wall time", "start it with a manual clock to move it by hand")


def _metadata(origin: Origin) -> bytes:
    return msgspec.json.encode(origin)


def _outcome(held: HeldRun, events: Sequence[str] = ()) -> Outcome:
    run = held.writer.run
    at = run.world.at
    return Outcome(run.run_id, run.status, time_at(run.started.start_time, at), at, run.version, tuple(events))
