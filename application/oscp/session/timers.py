"""The timers of the sessions this process runs: those of the runs it holds, and of no others.

Every timer is derived from the state of its session; what is kept here is only when to look at which one again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from depot_sim.application.clock import Clock
from depot_sim.application.oscp.inbound.segment_entries import unfinished
from depot_sim.application.oscp.inbound.service import InboundService
from depot_sim.application.oscp.outbound import drafts
from depot_sim.application.oscp.outbound.messages import MessageDraft, OutboundMessage
from depot_sim.application.oscp.outbound.service import OutboundService
from depot_sim.application.oscp.session.hosted import HostedSession
from depot_sim.application.oscp.session.registrar import Registrar
from depot_sim.application.oscp.session.sessions import OscpSessions
from depot_sim.application.oscp.session.time import SessionTime
from depot_sim.application.oscp.session.timer_heap import TimerHeap
from depot_sim.application.run.host import RunHost
from depot_sim.domain.interaction.expectation_events import Clock as DeadlineClock
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.kernel.errors import DepotSimError
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.oscp.due import Act, Due, agenda, due_now
from depot_sim.domain.oscp.events import OscpMessageOpened
from depot_sim.domain.oscp.ledger import OscpMessageFinalised, OscpMessageLedgerEntry
from depot_sim.domain.oscp.session import OscpCapacityProviderSession
from depot_sim.domain.oscp.vocabulary import Direction, Outcome, SessionClock
from depot_sim.domain.run.events import SimulationRunStopped

_log = logging.getLogger("depot_sim.oscp")

_LOOK_US = 200_000
_AGAIN_US = 1_000_000
_ANSWERS = frozenset({Act.ACKNOWLEDGE, Act.REGISTER})
_ANSWER_AFTER_US = 50_000  # the reply to what it answers goes out first


_Key = tuple[str, Act, str]


class SessionTimers:
    """Looks after sessions from the moment their run is held here until it no longer is."""

    def __init__(
        self,
        sessions: OscpSessions,
        inbound: InboundService,
        outbound: OutboundService,
        host: RunHost,
        time: SessionTime,
        clock: Clock,
        registrar: Registrar,
    ) -> None:
        self._sessions = sessions
        self._inbound = inbound
        self._outbound = outbound
        self._host = host
        self._time = time
        self._clock = clock
        self._registrar = registrar
        self._tended: dict[str, int] = {}
        self._alarms = TimerHeap()
        self._changed = asyncio.Event()
        self._opening: set[_Key] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._moved: dict[str, HostedSession] = {}
        sessions.on_change.append(self._look_soon)
        inbound.on_provoked = self._provoke
        host.on_saved.append(self._run_saved)

    async def run(self) -> None:
        """Tend sessions until cancelled."""
        tending = asyncio.create_task(self._tend(), name="tend oscp sessions")
        try:
            while True:
                await self._wait_for_alarm()
                for session_id in self._alarms.ringing(self._clock.monotonic_us()):
                    self._spawn(self._work(session_id))
        finally:
            for task in (tending, *self._tasks):
                task.cancel()
            await asyncio.gather(tending, *self._tasks, return_exceptions=True)

    def _look_soon(self, hosted: HostedSession) -> None:
        """Look at every session once that moves in this turn of the loop: the messages of a commit come together."""
        if not self._moved:
            asyncio.get_running_loop().call_soon(self._look_at_moved)
        self._moved[hosted.id] = hosted

    def _look_at_moved(self) -> None:
        moved, self._moved = self._moved, {}
        for hosted in moved.values():
            self.look_at(hosted)

    def look_at(self, hosted: HostedSession) -> None:
        """Set the session's alarm anew: its state has changed."""
        attached = hosted.session.attached
        if attached.run_id not in self._tended:
            return
        delay_us = self._delay_us(hosted)
        if delay_us is None:
            self._alarms.cancel(attached.session_id)
        elif self._alarms.set(attached.session_id, self._clock.monotonic_us() + delay_us):
            self._changed.set()

    # Which sessions

    async def _tend(self) -> None:
        while True:
            try:
                await self._take_up()
            except Exception:  # noqa: BLE001 - one session that cannot be read must not end the care for all
                _log.exception("sessions not taken up")
            await self._give_up_segments()
            await self._clock.sleep_us(_LOOK_US)

    async def _give_up_segments(self) -> None:
        try:
            await self._inbound.give_up_segments()
        except DepotSimError:
            _log.warning("segments not given up", exc_info=True)

    async def _take_up(self) -> None:
        """Begin with the sessions of runs that are newly held, and leave those of runs that no longer are."""
        held = {run_id: held.writer.token for run_id in self._host.held_ids() if (held := self._host.held(run_id))}
        for run_id in [run_id for run_id, token in self._tended.items() if held.get(run_id) != token]:
            del self._tended[run_id]
        for run_id, token in held.items():
            if run_id not in self._tended:
                self._tended[run_id] = token
                await self._begin_with(run_id)

    async def _begin_with(self, run_id: str) -> None:
        """Recover the sessions of a run, all of them or, at the next look, all of them again."""
        try:
            for session_id in await self._sessions.names(run_id):
                await self._recover(session_id)
        except BaseException:
            self._tended.pop(run_id, None)
            raise

    async def _recover(self, session_id: str) -> None:
        """Finalise what a restart interrupted, then go on where the log says."""
        self._sessions.forget(session_id)
        hosted = await self._sessions.get(session_id)
        in_flight = self._inbound.in_flight | self._outbound.in_flight
        entries = {
            opened.entry_id: await self._sessions.read_entry(opened.stream)
            for opened in list(hosted.session.state.open.values())
            if opened.entry_id not in in_flight
        }

        def recover(hosted: HostedSession, moment: Moment) -> None:
            others = hosted.session.state.open.keys() - entries.keys()
            interrupted = hosted.session.recover(moment.target, others)
            within_ms = hosted.session.attached.policy.segments_within_ms
            for opened in interrupted:
                hosted.save_with(_interrupted(opened, entries[opened.entry_id], moment, within_ms))

        await self._sessions.decide(session_id, recover)
        self.look_at(await self._sessions.get(session_id))

    def _run_saved(self, run_id: str, _: int, events: Sequence[Event]) -> None:
        """A run's logical time has moved; a stopped run ends its sessions."""
        if any(isinstance(event, SimulationRunStopped) for event in events):
            self._spawn(self._end_all(run_id))
        elif run_id in self._tended:
            for hosted in self._sessions.loaded_of(run_id):
                if _follows_its_run(hosted):
                    self.look_at(hosted)

    async def _end_all(self, run_id: str) -> None:
        for session_id in await self._sessions.names(run_id):
            await self._sessions.unregister(
                session_id, lambda hosted, moment: hosted.end(moment, "its run was stopped"), fenced=False
            )

    # When

    async def _wait_for_alarm(self) -> None:
        self._changed.clear()
        due_us = self._alarms.next_us()
        wait_us = _LOOK_US if due_us is None else min(_LOOK_US, due_us - self._clock.monotonic_us())
        if wait_us > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_us / 1_000_000):
                    await self._changed.wait()

    def _delay_us(self, hosted: HostedSession) -> int | None:
        """How long (wall time) until the session has something to do; None when only a moved run can tell."""
        attached, clock_now = hosted.session.attached, self._time.moment_if_held(hosted.session.attached)
        if clock_now is None:
            return None
        dues, opening = agenda(hosted.session.state), self._opening
        deadlines = [due.at for due in dues if not opening or _key(hosted.id, due) not in opening]
        if hosted.overrides.active:
            deadlines.append(hosted.overrides.next_deadline() or 0)
        delays = [self._time.wall_delay_us(attached, at - clock_now.target) for at in deadlines]
        for clock, at in hosted.expectations.next_deadline().items():
            if clock is DeadlineClock.WALL:
                delays.append(max(0, at - clock_now.wall) * 1_000)
            else:
                delays.append(self._time.wall_delay_us(attached, at - clock_now.on(clock)))
        return min((delay for delay in delays if delay is not None), default=None)

    # What

    async def _work(self, session_id: str) -> None:
        """Do what is due."""
        try:
            if (await self._sessions.get(session_id)).session.attached.run_id not in self._tended:
                return
            dues = await self._sessions.decide(session_id, _pass_time)
        except DepotSimError:
            _log.warning("session not tended", exc_info=True, extra={"session_id": session_id})
            self._alarms.set(session_id, self._clock.monotonic_us() + _AGAIN_US)
            return
        for due in dues:
            key = _key(session_id, due)
            if key not in self._opening:
                self._opening.add(key)
                self._spawn(self._send(session_id, due, key))
        self.look_at(await self._sessions.get(session_id))

    async def _send(self, session_id: str, due: Due, key: _Key) -> None:
        letter = await self._open(session_id, due, key)
        self.look_at(await self._sessions.get(session_id))
        if letter is not None:
            await self._outbound.deliver(letter)

    async def _open(self, session_id: str, due: Due, key: _Key) -> OutboundMessage | None:
        """What fails is tried again after a while."""
        try:
            if due.act in _ANSWERS:
                await self._clock.sleep_us(_ANSWER_AFTER_US)
            if due.act is Act.REGISTER:
                return await self._registrar.answer(session_id)
            return await self._outbound.open(session_id, lambda session, moment: _draft(session, due, moment))
        except DepotSimError:
            _log.warning("message not sent", exc_info=True, extra={"session_id": session_id})
            await self._clock.sleep_us(_AGAIN_US)
            return None
        finally:
            self._opening.discard(key)

    def _provoke(self, hosted: HostedSession, command: str) -> None:
        """Carry out what an override wants as well."""
        if hosted.session.attached.run_id in self._tended:
            self._spawn(self._carry_out(hosted.id, command))

    async def _carry_out(self, session_id: str, command: str) -> None:
        match command:
            case "send-handshake":
                await self._outbound.send(session_id, _unasked_handshake)
            case "send-heartbeat":
                await self._outbound.send(session_id, lambda session, moment: drafts.heartbeat(session, moment.target))
            case "disconnect":
                reason = "by an override"
                await self._sessions.decide(
                    session_id, lambda hosted, moment: hosted.session.disconnect(moment.target, reason)
                )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(lambda _: work.close())  # of what was cancelled before its first step
        task.add_done_callback(self._tasks.discard)


def _pass_time(hosted: HostedSession, moment: Moment) -> list[Due]:
    """Let everything end whose time has come; what has to be sent."""
    hosted.settle(moment)
    return [due for due in due_now(hosted.session.state, moment.target) if due.act is not Act.TIME_OUT]


def _follows_its_run(hosted: HostedSession) -> bool:
    """Whether the logical time of its run may decide when the session has something to do. Expectations may follow it
    in a session of the wall's clock, too."""
    return hosted.session.attached.clock is SessionClock.RUN or bool(hosted.expectations.state.waiting)


def _key(session_id: str, due: Due) -> _Key:
    return session_id, due.act, due.plan_id


def _unasked_handshake(session: OscpCapacityProviderSession, _: Moment) -> MessageDraft:
    """In whatever state the session is."""
    draft = drafts.handshake(session, session.attached.policy.heartbeat_interval_ms)
    return draft._replace(unchecked=True)


def _draft(session: OscpCapacityProviderSession, due: Due, moment: Moment) -> MessageDraft | None:
    """The message that is due, unless it no longer is."""
    now = moment.target
    if due not in due_now(session.state, now):
        return None
    match due.act:
        case Act.ACKNOWLEDGE:
            return drafts.acknowledgement(session)
        case Act.HEARTBEAT:
            return drafts.heartbeat(session, now)
        case _:
            return drafts.planned_forecast(session, due.plan_id, now)


def _interrupted(
    opened: OscpMessageOpened, entry: OscpMessageLedgerEntry, moment: Moment, within_ms: int
) -> OscpMessageLedgerEntry:
    """The entry with its end: a segment's message is lost; of others nobody can know whether they were delivered."""
    again = OscpMessageLedgerEntry(entry.stream)
    recorded = entry.state.recorded
    assert recorded is not None, "a message under way is recorded"
    again.fold((recorded,))
    if opened.part and opened.direction is Direction.INBOUND:
        again.finalise(unfinished(within_ms, moment.wall))
        return again
    error = "the simulator stopped while this message was under way"
    again.finalise(OscpMessageFinalised(moment.wall, Outcome.INDETERMINATE, error=error, overrides=recorded.overrides))
    return again


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    """A task's failure concerns its own session only, which is loaded again before its next turn."""
    try:
        await work
    except DepotSimError as error:
        _log.warning("session's work not done: %s", error)
    except Exception:  # noqa: BLE001 - one session must not stop the others
        _log.exception("session's work not done")
