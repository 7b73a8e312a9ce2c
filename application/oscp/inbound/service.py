"""What a partner sends: its session found, judged, recorded and finalised, and only then answered.

The same message again, at once or later, here or at another process, gets the first answer and leaves no second trace.
Credentials are checked before: a request refused for want of them is recorded by itself and never counts as the first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from depot_sim.application.clock import Clock
from depot_sim.application.oscp.inbound import segment_entries
from depot_sim.application.oscp.inbound.arrivals import Arrival, Reply
from depot_sim.application.oscp.inbound.cases import (
    Case,
    answer_of,
    exchange_of,
    is_same,
    opened_of,
    receipt_of,
    recordable,
    recorded_of,
    reply_again,
    reply_of,
    unavailable,
)
from depot_sim.application.oscp.inbound.resolving import RequestResolver, ResolvedRequest
from depot_sim.application.oscp.inbound.segment_entries import is_open
from depot_sim.application.oscp.inbound.segmenting import Joined, Part, WaitingSegments
from depot_sim.application.oscp.session.called_for import by_adjustment
from depot_sim.application.oscp.session.hosted import Given, HostedSession
from depot_sim.application.oscp.session.sessions import OscpSessions
from depot_sim.application.oscp.world_link.world_context import WorldContext
from depot_sim.application.under_way import UnderWay, Work
from depot_sim.domain.interaction.effects import Slot
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.interaction.message import ObservedMessage
from depot_sim.domain.interaction.treatment import UNMARKED, UNTREATED, Marks, Treatment, treatment
from depot_sim.domain.kernel.credentials import SecretReference
from depot_sim.domain.kernel.errors import Conflict, DepotSimError, VersionConflict
from depot_sim.domain.oscp.events import OscpProviderSessionAttached
from depot_sim.domain.oscp.findings import Finding
from depot_sim.domain.oscp.forcing import marks_of_received
from depot_sim.domain.oscp.ledger import OscpMessageFinalised, OscpMessageLedgerEntry, OscpMessageRecorded
from depot_sim.domain.oscp.rules import Context, deviations_of, judge
from depot_sim.domain.oscp.verdict import ACCEPTED, verdict
from depot_sim.domain.oscp.vocabulary import MessageType, Outcome
from depot_sim.domain.oscp.wire.messages import Message, Register
from depot_sim.domain.oscp.wire.reading import Reading, read

_log = logging.getLogger("depot_sim.oscp")

_LOOK_AGAIN_US = 50_000
_LOOKS = 200
_ATTACHED_ANEW = "the session was attached anew after this message had come"
_MOST_LOGGED = 100  # characters of a path

Provoked = Callable[[HostedSession, str, str], None]
"""With a session, a command, and the id of the override that wants it."""


class _Decided(NamedTuple):
    """A decision about a message: what was recorded of it, and the reply unless it is delayed."""

    recorded: OscpMessageRecorded
    treated: Treatment
    reply: Reply | None


class InboundService:
    """The partner's side of every session.

    `on_provoked` is told of commands that an override wants carried out, `on_segment` that a segment waits for others.
    """

    def __init__(
        self,
        sessions: OscpSessions,
        resolver: RequestResolver,
        world: WorldContext,
        clock: Clock,
        under_way: UnderWay,
    ) -> None:
        self._sessions = sessions
        self._resolver = resolver
        self._world = world
        self._clock = clock
        self._under_way = under_way
        self._mask = resolver.mask
        self._segments = WaitingSegments()
        self.on_provoked: Provoked | None = None
        self.on_segment: Callable[[], None] | None = None
        self._delayed: set[str] = set()

    @property
    def in_flight(self) -> set[str]:
        """Entries that are recorded and not final yet."""
        return self._delayed | self._segments.entry_ids()

    async def receive(self, arrival: Arrival) -> Reply:
        """The reply to a request. Never raises: what cannot be decided is answered 503."""
        began = self._clock.monotonic_us()
        try:
            resolved = await self._resolver.resolve(arrival, began)
            if isinstance(resolved, Reply):
                return resolved
            if not resolved.is_recorded:
                attached = resolved.attached
                findings = recordable(resolved.findings, resolved, self._mask)
                return reply_of(verdict(findings, attached.profile, attached.policy))
            if resolved.is_refused_for_credentials:  # no earlier answer is for its sender, and its own for no other
                return await self._process(resolved)
            return await self._answer_once(resolved)
        except DepotSimError as error:
            _log.warning("message not taken", extra={"path": arrival.path[:_MOST_LOGGED], "error": str(error)})
            return unavailable(error.detail)
        except Exception:  # noqa: BLE001 - whatever it is, the partner gets an answer
            _log.exception("message not taken", extra={"path": arrival.path[:_MOST_LOGGED]})
            return unavailable("the simulator failed over this message")

    async def _answer_once(self, resolved: ResolvedRequest) -> Reply:
        """The answer, or the one that was or is about to be given to the same message."""
        answers = resolved.hosted.answers
        known = answers.get(resolved.stream)
        if known is not None and known.digest != resolved.digest:
            resolved = resolved.under_a_used_id()
            known = answers.get(resolved.stream)
        if known is not None:
            return known.reply if isinstance(known.reply, Reply) else await asyncio.shield(known.reply)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        given = Given(resolved.digest, answer)
        resolved.hosted.remember(resolved.stream, given)
        try:
            reply = await self._process(resolved)
        except BaseException as error:
            answers.pop(resolved.stream, None)
            answer.set_exception(error if isinstance(error, Exception) else DepotSimError("the request was cancelled"))
            answer.exception()  # those who wait get it; without them it is nobody's
            raise
        answer.set_result(reply)
        if answers.get(resolved.stream) is given:  # the future is no longer needed, and larger than the reply
            answers[resolved.stream] = Given(resolved.digest, reply)
        return reply

    @property
    def segments_due_ms(self) -> int | None:
        """The wall time at which the first segment has waited too long; None when none waits."""
        return self._segments.due_ms

    async def give_up_segments(self) -> None:
        """End the segments that have waited too long for the others of their message."""
        for session_id, parts in self._segments.overdue(self._clock.now_us() // 1_000):
            await self._sessions.decide(session_id, partial(_give_up, parts), fenced=False)

    async def _process(self, resolved: ResolvedRequest) -> Reply:
        joined = self._segments.join(resolved)
        try:
            with self._under_way.work(resolved.hosted.run_id, resolved.hosted.id) as work:
                decided = await self._decide(await self._case(joined), work)
        except BaseException as error:
            self._segments.undo(joined)
            if isinstance(error, VersionConflict) and error.stream == resolved.stream:
                return await self._reply_as_before(resolved)
            raise
        if joined.part is not None:
            joined.part.is_saved = True
            if self.on_segment is not None:
                self.on_segment()
        assert decided.reply is not None, "the second decision is final"
        return decided.reply

    async def _case(self, joined: Joined) -> Case:
        """All that can be said of a message before its session is asked."""
        resolved = joined.resolved
        has_body = not resolved.is_part and resolved.arrival.method != "DELETE"
        reading = read(resolved.type, resolved.content, resolved.attached.profile) if has_body else Reading(None)
        context = await self._world.of(resolved.attached, reading.message)
        findings = recordable((*resolved.findings, *reading.findings), resolved, self._mask)
        deviations = recordable(reading.deviations, resolved, self._mask)
        token = await self._kept_token(resolved, reading.message) if not findings else None
        return Case(joined, reading.message, findings, deviations, context, token)

    async def _kept_token(self, resolved: ResolvedRequest, message: Message | None) -> SecretReference | None:
        """Where the token of a Register is kept, unless it is to be refused."""
        if not isinstance(message, Register):
            return None
        if judge(resolved.hosted.session.state, resolved.type, message, resolved.answers, Context(0)):
            return None
        return await self._resolver.keep_token(message.token)

    async def _decide(self, case: Case, work: Work) -> _Decided:
        session_id = case.resolved.hosted.key
        try:
            first = await self._sessions.decide(session_id, partial(self._judge, case), fenced=False)
            if first.treated.provoke is not None and self.on_provoked is not None:
                (override_id,) = first.treated.by(Slot.ALSO)
                self.on_provoked(case.resolved.hosted, first.treated.provoke.command, override_id)
            if first.reply is not None:
                return first
            work.end()
            await self._clock.sleep_us(first.treated.delay_ms * 1_000)
            work.begin()
            return await self._sessions.decide(session_id, partial(self._judge_late, case, first), fenced=False)
        finally:
            self._delayed.discard(case.resolved.entry_id)

    def _judge(self, case: Case, hosted: HostedSession, moment: Moment) -> _Decided:
        """Record the message, and answer it unless an override delays that.

        Raises Conflict when the session was attached anew after the message, or a segment of it, had come.
        """
        resolved = case.resolved
        parts = (part.resolved for part in case.joined.earlier)
        if any(_is_of_earlier(hosted, one) for one in (resolved, *parts)):
            raise Conflict(_ATTACHED_ANEW, "send it again")
        now = moment.target
        exchange = exchange_of(resolved, now, self._mask)
        hits = hosted.overrides.hit(exchange, now)
        treated = treatment(hits) if hits else UNTREATED
        entry = OscpMessageLedgerEntry(resolved.stream)
        hosted.save_with(entry)
        recorded, reply = recorded_of(resolved, _marks_so_far(case, treated)), None
        if treated.delay_ms:
            self._delayed.add(resolved.entry_id)
            entry.record(recorded)
            hosted.session.open(opened_of(resolved, now))
        elif resolved.is_part:
            entry.record(recorded)
            reply = self._take_part(hosted, moment, case, treated, entry)
        else:
            reply, finalised = self._conclude(hosted, moment, case, treated, exchange)
            recorded = recorded_of(resolved, Marks(finalised.overrides, finalised.matched))
            entry.handle(recorded, finalised)
            _join_earlier(hosted, moment, case)
        return _Decided(recorded, treated, reply)

    def _judge_late(self, case: Case, first: _Decided, hosted: HostedSession, moment: Moment) -> _Decided:
        """Answer a message whose receipt was recorded before."""
        entry = OscpMessageLedgerEntry(case.resolved.stream)
        entry.fold((first.recorded,))
        hosted.save_with(entry)
        if _is_of_earlier(hosted, case.resolved):
            reply = unavailable(_ATTACHED_ANEW)
            hosted.session.close(case.resolved.entry_id, Outcome.FAILED, moment.target)
            entry.finalise(
                OscpMessageFinalised(
                    moment.wall,
                    Outcome.FAILED,
                    answer=answer_of(reply),
                    latency_us=self._clock.monotonic_us() - case.resolved.began_us,
                    error=_ATTACHED_ANEW,
                    overrides=first.recorded.overrides,
                    matched=first.recorded.matched,
                )
            )
        elif case.resolved.is_part:
            reply = self._take_part(hosted, moment, case, first.treated, entry)
        else:
            exchange = exchange_of(case.resolved, moment.target, self._mask)
            reply, finalised = self._conclude(hosted, moment, case, first.treated, exchange)
            entry.finalise(finalised)
            _join_earlier(hosted, moment, case)
        return _Decided(first.recorded, first.treated, reply)

    def _conclude(
        self,
        hosted: HostedSession,
        moment: Moment,
        case: Case,
        treated: Treatment,
        exchange: ObservedMessage,
    ) -> tuple[Reply, OscpMessageFinalised]:
        """Judge a message and let it have its effect; the answer, and its end in the ledger."""
        session, resolved = hosted.session, case.resolved
        attached, state = session.attached, session.state
        context = msgspec.structs.replace(case.context, now=moment.target)
        correlated = judge(state, resolved.type, case.message, resolved.answers, context)
        findings = recordable((*case.findings, *correlated), resolved, self._mask)
        decided = verdict(findings, attached.profile, attached.policy, treated.outcome)
        marks = _marks(treated, findings, attached) + marks_of_received(state, resolved.type, decided)
        deviations = (*case.deviations, *deviations_of(state, resolved.type, resolved.answers))
        reply = reply_of(decided)
        finalised = OscpMessageFinalised(
            at=moment.wall,
            outcome=decided.outcome,
            validation=decided.validation,
            answer=answer_of(reply),
            rule=decided.rule,
            findings=findings,
            deviations=deviations,
            latency_us=self._clock.monotonic_us() - resolved.began_us,
            overrides=marks.changed,
            matched=marks.matched,
        )
        session.receive(receipt_of(case, decided, findings), moment.target)
        hosted.expectations.observe(exchange, decided.outcome.value, moment)
        if decided.takes_effect and resolved.type is MessageType.ADJUST_GROUP_CAPACITY_FORECAST:
            by_adjustment(hosted, resolved.request_id, moment)
        return reply, finalised

    def _take_part(
        self, hosted: HostedSession, moment: Moment, case: Case, treated: Treatment, entry: OscpMessageLedgerEntry
    ) -> Reply:
        """Answer a segment. One that is taken stays open until its message is complete, or is given up."""
        session, resolved = hosted.session, case.resolved
        part = case.joined.part or Part(resolved)
        part.verdict = verdict(case.findings, session.attached.profile, session.attached.policy, treated.outcome)
        is_taken = case.joined.part is not None and part.verdict.takes_effect
        if is_taken and not part.is_joined:
            if not is_open(hosted, part):
                session.open(opened_of(resolved, moment.target))
        else:
            self._segments.withdraw(part)
            entry.finalise(segment_entries.finalised(part, part.verdict, case.findings, moment.wall))
            if is_open(hosted, part):
                session.close(resolved.entry_id, part.verdict.outcome, moment.target)
        return reply_of(part.verdict)

    async def _reply_as_before(self, resolved: ResolvedRequest) -> Reply:
        """What the same message was answered before; while that is under way elsewhere, wait for it."""
        for _ in range(_LOOKS):
            entry = (await self._sessions.read_entry(resolved.stream)).state
            if entry.recorded is not None and not is_same(entry.recorded, resolved):
                resolved.hosted.answers.pop(resolved.stream, None)  # the id is another message's
                return await self._answer_once(resolved.under_a_used_id())
            if entry.finalised is not None:
                return reply_again(entry.finalised)
            if resolved.is_part:
                return Reply(ACCEPTED)  # only a segment that was taken is left open
            await self._clock.sleep_us(_LOOK_AGAIN_US)
        return unavailable("the same message is still being answered")


def _is_of_earlier(hosted: HostedSession, resolved: ResolvedRequest) -> bool:
    """Whether the message came to an earlier attachment of its session."""
    return hosted.session.state.attached != resolved.attached


def _marks_so_far(case: Case, treated: Treatment) -> Marks:
    """What is known before the session judges a message; segments are judged without it."""
    if not case.resolved.is_part:
        return treated.marks(treated.by(Slot.OUTCOME)) if treated.hits else UNMARKED
    return _marks(treated, case.findings, case.resolved.attached)


def _marks(treated: Treatment, findings: Sequence[Finding], attached: OscpProviderSessionAttached) -> Marks:
    """Which overrides changed the message: one that wants what the rules say as well made no difference."""
    if not treated.hits:
        return UNMARKED
    forced, ruled = (
        verdict(findings, attached.profile, attached.policy, outcome) for outcome in (treated.outcome, None)
    )
    return treated.marks(treated.by(Slot.OUTCOME) if forced == ruled else ())


def _join_earlier(hosted: HostedSession, moment: Moment, case: Case) -> None:
    """End the segments that came before the one that completes the message."""
    hosted.save_with(
        *(segment_entries.joined(hosted, moment, part) for part in case.joined.earlier if is_open(hosted, part))
    )


def _give_up(parts: Sequence[Part], hosted: HostedSession, moment: Moment) -> None:
    """End segments that have waited too long for the others of their message."""
    hosted.save_with(*(segment_entries.given_up(hosted, moment, part) for part in parts if is_open(hosted, part)))
