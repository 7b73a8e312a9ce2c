"""What sessions do when its moment has come: heartbeats, time-outs, planned forecasts, verdicts.

Every timer is derived from the state of its session. Only sessions of runs that this process holds have any.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from functools import partial

from depot_sim.application.channels.background import Background
from depot_sim.application.channels.channel import Deadline
from depot_sim.application.channels.timers import AGAIN_US, ChannelTimers, Timers
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
from depot_sim.application.runtime import HeldRuns
from depot_sim.application.under_way import UnderWay, Work
from depot_sim.domain.interaction.expectation_events import Clock as DeadlineClock
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.kernel.errors import DepotSimError
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.oscp.due import Act, Due, agenda, due_now
from depot_sim.domain.oscp.events import OscpMessageOpened
from depot_sim.domain.oscp.ledger import OscpMessageFinalised, OscpMessageLedgerEntry
from depot_sim.domain.oscp.session import OscpCapacityProviderSession
from depot_sim.domain.oscp.vocabulary import Direction, Outcome
from depot_sim.domain.run.events import SimulationRunStopped

_log = logging.getLogger("depot_sim.oscp")

_ANSWERS = frozenset({Act.ACKNOWLEDGE, Act.REGISTER})
_ANSWER_AFTER_US = 50_000  # the reply to what it answers goes out first


_Key = tuple[str, Act, str]


class SessionTimers:
    """Looks after sessions from the moment their run is held here until it no longer is."""

    def __init__(
        self,
        *,
        sessions: OscpSessions,
        inbound: InboundService,
        outbound: OutboundService,
        host: HeldRuns,
        time: SessionTime,
        clock: Clock,
        registrar: Registrar,
        timers: Timers,
        under_way: UnderWay,
    ) -> None:
        self._sessions = sessions
        self._inbound = inbound
        self._outbound = outbound
        self._host = host
        self._time = time
        self._clock = clock
        self._registrar = registrar
        self._timers = timers
        self._under_way = under_way
        self._due = ChannelTimers(
            timers, host, sessions, moment=self._moment, deadlines=self._deadlines, ring=self._ring
        )
        self._is_running = False
        self._served: set[str] = set()
        self._recovering: set[str] = set()
        self._opening: set[_Key] = set()
        self._background = Background(_log)
        inbound.on_provoked = self._provoke
        inbound.on_segment = self._wait_for_segments
        host.on_held.append(self._take_up)
        host.on_dropped.append(self._leave)
        under_way.followers.append(self._has_sessions)
        host.on_saved.append(self._run_saved)

    async def run(self) -> None:
        """Look after sessions until cancelled."""
        self._is_running = True
        for run_id in self._host.held_ids():
            self._take_up(run_id)
        try:
            await asyncio.Event().wait()
        finally:
            self._is_running = False
            self._served.clear()  # runs go on for a while: their saves must send nothing any more
            await self._background.stop()

    def _has_sessions(self, run_id: str) -> bool:
        is_served = run_id in self._served and any(hosted.run_id == run_id for hosted in self._sessions.loaded())
        return is_served or run_id in self._recovering

    def serves(self, run_id: str) -> bool:
        """Whether the sessions of the run are looked after here, and all of them have been recovered."""
        return run_id in self._served and run_id not in self._recovering

    # Which sessions

    def _take_up(self, run_id: str) -> None:
        if self._is_running and self._host.held(run_id) is not None:
            self._background.spawn(self._begin_with(run_id), self._under_way.work(run_id, "OSCP sessions").begin())

    async def _begin_with(self, run_id: str) -> None:
        """Recover the sessions of a run; when that fails, all of them again after a while."""
        self._served.add(run_id)
        self._recovering.add(run_id)
        try:
            for session_id in await self._sessions.names(run_id):
                await self._recover(session_id)
        except Exception:  # noqa: BLE001 - whatever it was, the sessions have to be taken up
            _log.exception("sessions not taken up", extra={"run_id": run_id})
            self._leave(run_id)
            self._timers.set((self, run_id), AGAIN_US, partial(self._take_up, run_id))
        finally:
            self._recovering.discard(run_id)

    def _leave(self, run_id: str) -> None:
        """The run is not held any more, or is stopped."""
        self._served.discard(run_id)
        self._due.leave(run_id)

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
        self._due.look(session_id)

    def _run_saved(self, run_id: str, _: int, events: Sequence[Event]) -> None:
        """A stopped run ends its sessions."""
        if any(isinstance(event, SimulationRunStopped) for event in events):
            self._leave(run_id)
            self._background.spawn(self._end_all(run_id))

    async def _end_all(self, run_id: str) -> None:
        for session_id in await self._sessions.names(run_id):
            await self._sessions.unregister(
                session_id, lambda hosted, moment: hosted.end(moment, "its run was stopped"), fenced=False
            )

    # When

    def _moment(self, hosted: HostedSession) -> Moment | None:
        return self._time.moment_if_held(hosted.session.attached) if hosted.run_id in self._served else None

    def _deadlines(self, hosted: HostedSession) -> Iterator[Deadline]:
        """But for what is being done."""
        for due in agenda(hosted.session.state):
            if not self._opening or _key(hosted.id, due) not in self._opening:
                yield DeadlineClock.TARGET, due.at
        yield from hosted.deadlines()

    def _ring(self, session_id: str) -> None:
        hosted = self._sessions.peek(session_id)
        work = self._under_way.work(hosted.run_id, session_id).begin() if hosted is not None else None
        self._background.spawn(self._work(session_id), work)

    def _wait_for_segments(self) -> None:
        """Give segments up when they have waited too long for the others of their message."""
        due_ms = self._inbound.segments_due_ms
        if self._is_running and due_ms is not None:
            delay_us = max(0, due_ms * 1_000 - self._clock.now_us())
            self._timers.set(self, delay_us, lambda: self._background.spawn(self._give_up_segments()))

    async def _give_up_segments(self) -> None:
        try:
            await self._inbound.give_up_segments()
        finally:
            self._wait_for_segments()

    # What

    async def _work(self, session_id: str) -> None:
        """Do what is due."""
        try:
            run_id = (await self._sessions.get(session_id)).run_id
            if run_id not in self._served:
                return
            dues = await self._sessions.decide(session_id, _pass_time)
        except DepotSimError:
            _log.warning("session not tended", exc_info=True, extra={"session_id": session_id})
            self._due.again(session_id)
            return
        for due in dues:
            key = _key(session_id, due)
            if key not in self._opening:
                self._opening.add(key)
                self._background.spawn(self._send(self._under_way.work(run_id, session_id), due, key))
        self._due.look(session_id)

    async def _send(self, work: Work, due: Due, key: _Key) -> None:
        with work:
            letter = await self._open(work, due, key)
            self._due.look(work.target)
        if letter is not None:
            await self._outbound.deliver(letter)

    async def _open(self, work: Work, due: Due, key: _Key) -> OutboundMessage | None:
        """What fails is tried again after a while."""
        session_id = work.target
        try:
            if due.act in _ANSWERS:
                await self._clock.sleep_us(_ANSWER_AFTER_US)
            if due.act is Act.REGISTER:
                return await self._registrar.answer(session_id)
            return await self._outbound.open(session_id, lambda session, moment: _draft(session, due, moment))
        except DepotSimError:
            _log.warning("message not sent", exc_info=True, extra={"session_id": session_id})
            work.end()
            await self._clock.sleep_us(AGAIN_US)
            return None
        finally:
            self._opening.discard(key)

    def _provoke(self, hosted: HostedSession, command: str, override_id: str) -> None:
        """Carry out what an override wants as well."""
        if hosted.run_id in self._served:
            self._background.spawn(self._carry_out(hosted.id, command, override_id))

    async def _carry_out(self, session_id: str, command: str, override_id: str) -> None:
        if command == "disconnect":
            reason = "by an override"
            await self._sessions.decide(
                session_id, lambda hosted, moment: hosted.session.disconnect(moment.target, reason, override_id)
            )
            return

        def draft(session: OscpCapacityProviderSession, moment: Moment) -> MessageDraft:
            is_handshake = command == "send-handshake"
            made = _unasked_handshake(session) if is_handshake else drafts.heartbeat(session, moment.target)
            return made._replace(provoked_by=override_id)

        await self._outbound.send(session_id, draft)


def _pass_time(hosted: HostedSession, moment: Moment) -> list[Due]:
    """Let everything end whose time has come; what has to be sent."""
    hosted.settle(moment)
    return [due for due in due_now(hosted.session.state, moment.target) if due.act is not Act.TIME_OUT]


def _key(session_id: str, due: Due) -> _Key:
    return session_id, due.act, due.plan_id


def _unasked_handshake(session: OscpCapacityProviderSession) -> MessageDraft:
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
