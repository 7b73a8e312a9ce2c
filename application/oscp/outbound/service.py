"""What the simulator sends: recorded, sent, finalised. Overrides may withhold, spoil, double or delay it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple

import msgspec

from depot_sim.application.clock import Clock
from depot_sim.application.http import HttpResult, Mask, Partner
from depot_sim.application.oscp.outbound.messages import BY_HAND, MessageDraft, OutboundMessage, letter_for
from depot_sim.application.oscp.outbound.splitting import later_segment, numbered, of_segment, split
from depot_sim.application.oscp.session.hosted import HostedSession
from depot_sim.application.oscp.session.sessions import OscpSessions
from depot_sim.application.repository import Origin
from depot_sim.application.under_way import UnderWay, Work
from depot_sim.domain.interaction.effects import Outage, Reorder, Withhold
from depot_sim.domain.interaction.expectation_events import Expectation, Moment
from depot_sim.domain.interaction.treatment import UNMARKED, Marks, treatment
from depot_sim.domain.oscp.findings import Deviation
from depot_sim.domain.oscp.forcing import allowed_by
from depot_sim.domain.oscp.ledger import Answer, OscpMessageFinalised, OscpMessageLedgerEntry
from depot_sim.domain.oscp.registering import correspondent
from depot_sim.domain.oscp.session import Delivery, OscpCapacityProviderSession
from depot_sim.domain.oscp.vocabulary import Lifecycle, Outcome
from depot_sim.domain.oscp.wire.messages import CapacityForecast

_OK = 204
_WITHHELD = HttpResult(0, error="withheld by an override")
_OUTAGE = HttpResult(0, error="the network is down, by an override")
_REFUSED = frozenset({Outcome.REJECTED, Outcome.FAILED})


Make = Callable[[OscpCapacityProviderSession, Moment], MessageDraft | None]
"""Drafts a message of a session at a moment; it may let the session decide something first."""


class Sent(NamedTuple):
    """What became of a draft; `state` is the one its sending brought the session to."""

    entry_id: str
    request_id: str
    outcome: Outcome
    status: int
    error: str
    state: Lifecycle


class _Place:
    """Of a letter that goes behind others: `behind` of them have to be gone first."""

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self.reached = asyncio.Event()

    def pass_one(self) -> None:
        self._behind -= 1
        if self._behind <= 0:
            self.reached.set()


class OutboundService:
    """Sends on behalf of sessions; this process has to hold their runs. `in_flight` names the entries under way."""

    def __init__(self, sessions: OscpSessions, clock: Clock, partner: Partner, mask: Mask, under_way: UnderWay) -> None:
        self._sessions = sessions
        self._clock = clock
        self._partner = partner
        self._mask = mask
        self._under_way = under_way
        self._places: dict[str, list[_Place]] = {}
        self.in_flight: set[str] = set()

    async def send(self, session_id: str, make: Make, origin: Origin | None = None) -> Sent | None:
        """Send what `make` drafts at the moment of sending. None when it drafts nothing.

        Raises CommandRefused when the protocol does not allow the message now, RunHeldElsewhere, NotFound.
        """
        letter = await self.open(session_id, make, origin)
        return None if letter is None else await self.deliver(letter, origin)

    async def open(self, session_id: str, make: Make, origin: Origin | None = None) -> OutboundMessage | None:
        """Record a message that is about to be sent. Raises as `send`."""
        with self._opening() as track:

            def opening(hosted: HostedSession, moment: Moment) -> OutboundMessage | None:
                draft = make(hosted.session, moment)
                return None if draft is None else track(self._open(hosted, moment, draft), hosted, moment)

            return await self._sessions.decide(session_id, opening, origin=origin, repeat_beside=True)

    @contextlib.contextmanager
    def _opening(self) -> Iterator[Callable[[OutboundMessage, HostedSession, Moment], OutboundMessage]]:
        """Gives the function that opens a letter in its session and in the ledger.

        A letter is in flight before it is in the log, so that it never looks interrupted. When another process has used
        its id, the letter of the next attempt takes its place.
        """
        opened: set[str] = set()

        def track(letter: OutboundMessage, hosted: HostedSession, moment: Moment) -> OutboundMessage:
            self.in_flight -= opened
            letter = letter._replace(number=hosted.session.version)
            opened.add(letter.entry_id)
            self.in_flight.add(letter.entry_id)
            hosted.session.open(letter.opened(moment.target))
            hosted.save_with(_recorded(letter, moment, self._mask))
            return letter

        try:
            yield track
        except BaseException:
            self.in_flight -= opened
            raise

    async def deliver(self, letter: OutboundMessage, origin: Origin | None = None) -> Sent:
        """Send what was opened, and finalise it."""
        with self._in_flight_until_final(letter):
            posted = await self._carry(letter)
            fate = await self._carry_rest(letter, posted)
            async with self._work(letter).turn(letter.number):
                sent = await self._finish(letter, posted, fate, origin)
        await self._duplicate(letter, posted)
        return sent

    def _open(self, hosted: HostedSession, moment: Moment, draft: MessageDraft) -> OutboundMessage:
        """The letter of a draft as it is going to be sent."""
        session = hosted.session
        if not draft.unchecked:
            session.check_may_send(draft.type)
        letter = numbered(letter_for(draft, correspondent(session.state), session.next_request_id()))
        letter = letter.marked(_marks(hosted, moment, draft))
        if not draft.unchecked:
            letter = letter._replace(allowed_by=allowed_by(session.state, draft.type))
        hits = hosted.overrides.hit(letter.exchange(moment.target, self._mask), moment.target)
        if hits:
            letter = letter.treated_so(treatment(hits))
        letter = split(letter)
        if draft.expect is not None:
            hosted.expect(_about(draft.expect, letter.request_id), moment)
        return letter

    async def _carry(self, letter: OutboundMessage) -> HttpResult:
        """Send it, unless an override prevents that; late, if one says so."""
        treated = letter.treated
        if isinstance(treated.outcome, Withhold):
            return _WITHHELD
        if treated.delay_ms:
            await self._clock.sleep_us(treated.delay_ms * 1_000)
        if treated.reorder is not None:
            await self._wait_behind(letter.attached.session_id, treated.reorder)
        posted = _OUTAGE if isinstance(treated.outcome, Outage) else await self._post(letter)
        for place in self._places.get(letter.attached.session_id, ()):
            place.pass_one()
        return posted

    async def _carry_rest(self, first: OutboundMessage, posted: HttpResult) -> HttpResult:
        """Send the later segments of a message until one is refused; what became of the message."""
        fate = posted
        for index in range(2, len(first.rest) + 2):
            if _outcome(posted) in _REFUSED:
                break
            posted = await self._send_segment(first, index)
            fate = posted if _outcome(fate) is Outcome.ACCEPTED else fate
        return fate

    async def _send_segment(self, first: OutboundMessage, index: int) -> HttpResult:
        def segment(hosted: HostedSession, moment: Moment) -> OutboundMessage:
            letter = later_segment(first, index, hosted.session.next_request_id())
            hits = hosted.overrides.hit(letter.exchange(moment.target, self._mask), moment.target)
            return letter.treated_so(of_segment(treatment(hits))) if hits else letter

        letter, posted = await self._send_beside(first, segment, self._carry)
        await self._duplicate(letter, posted)
        return posted

    async def _duplicate(self, letter: OutboundMessage, posted: HttpResult) -> None:
        duplicate = letter.treated.duplicate
        if duplicate is not None and posted is not _WITHHELD and posted is not _OUTAGE:
            for copy in range(1, duplicate.times + 1):
                await self._send_again(letter, copy, duplicate.new_request_ids)

    async def _wait_behind(self, session_id: str, reorder: Reorder) -> None:
        place = _Place(reorder.behind)
        places = self._places.setdefault(session_id, [])
        places.append(place)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(reorder.at_most_ms / 1_000):
                    await place.reached.wait()
        finally:
            places.remove(place)

    async def _finish(
        self, letter: OutboundMessage, posted: HttpResult, fate: HttpResult, origin: Origin | None
    ) -> Sent:
        """The letter's entry tells what was answered to it; to the session counts the fate of the whole message."""

        def finish(hosted: HostedSession, moment: Moment) -> Sent:
            outcome, session = _outcome(fate), hosted.session
            draft, before = letter.draft, session.lifecycle
            forecast = draft.message if isinstance(draft.message, CapacityForecast) else None
            is_of_earlier = letter.entry_id in session.state.of_earlier
            session.finish(
                Delivery(
                    entry_id=letter.entry_id,
                    type=draft.type,
                    outcome=outcome,
                    status=fate.status,
                    error=fate.error,
                    forecast=forecast,
                    plan_id=draft.plan_id,
                ),
                moment.target,
            )
            if not is_of_earlier:
                hosted.expectations.observe(letter.exchange(moment.target, self._mask), outcome.value, moment)
            state = before if outcome is Outcome.ACCEPTED else session.lifecycle
            hosted.save_with(_finalised(letter, posted, _outcome(posted), moment, self._mask))
            return Sent(letter.entry_id, letter.request_id, outcome, fate.status, fate.error, state)

        return await self._sessions.decide(letter.attached.session_id, finish, origin=origin, fenced=False)

    async def _send_again(self, letter: OutboundMessage, copy: int, under_new_id: bool) -> None:
        """One more time what was sent already; whatever is answered changes nothing."""

        def again(hosted: HostedSession, _: Moment) -> OutboundMessage:
            return letter.renamed(copy, hosted.session.next_request_id()) if under_new_id else letter.repeated(copy)

        await self._send_beside(letter, again, self._post)

    async def _send_beside(
        self,
        other: OutboundMessage,
        write: Callable[[HostedSession, Moment], OutboundMessage],
        carry: Callable[[OutboundMessage], Awaitable[HttpResult]],
    ) -> tuple[OutboundMessage, HttpResult]:
        """Send a letter beside another, with no effect of its own on the session.

        Only a copy is a message for expectations.
        """
        session_id = other.attached.session_id
        with self._opening() as track, self._work(other):
            letter = await self._sessions.decide(
                session_id,
                lambda hosted, moment: track(write(hosted, moment), hosted, moment),
                fenced=False,
                repeat_beside=True,
            )

        def close(hosted: HostedSession, moment: Moment) -> None:
            outcome = _outcome(posted)
            hosted.session.close(letter.entry_id, outcome, moment.target)
            if not letter.is_later:
                hosted.expectations.observe(letter.exchange(moment.target, self._mask), outcome.value, moment)
            hosted.save_with(_finalised(letter, posted, outcome, moment, self._mask))

        with self._in_flight_until_final(letter):
            posted = await carry(letter)
            async with self._work(letter).turn(letter.number):
                await self._sessions.decide(session_id, close, fenced=False)
        return letter, posted

    async def _post(self, letter: OutboundMessage) -> HttpResult:
        work = self._work(letter)
        with work.attempt():
            posted = await self._partner.post(letter.outgoing())
        if posted.status:
            work.answered()
        return posted

    def _work(self, letter: OutboundMessage) -> Work:
        return self._under_way.work(letter.attached.run_id, letter.attached.session_id)

    @contextlib.contextmanager
    def _in_flight_until_final(self, letter: OutboundMessage) -> Iterator[None]:
        try:
            yield
        finally:
            self.in_flight.discard(letter.entry_id)


def _marks(hosted: HostedSession, moment: Moment, draft: MessageDraft) -> Marks:
    """Interventions without which the message would not be there."""
    if draft.message is None:
        return Marks((hosted.overrides.begin(BY_HAND, draft.reason, moment.target, lasts=False),))
    return Marks((draft.provoked_by,)) if draft.provoked_by else UNMARKED


def _about(expectation: Expectation, request_id: str) -> Expectation:
    """The expectation, its steps about this message unless they say otherwise."""
    steps = [
        step if step.correlation_id is not None else msgspec.structs.replace(step, correlation_id=request_id)
        for step in expectation.steps
    ]
    return msgspec.structs.replace(expectation, steps=tuple(steps))


def _recorded(letter: OutboundMessage, moment: Moment, mask: Mask) -> OscpMessageLedgerEntry:
    entry = OscpMessageLedgerEntry(letter.stream)
    entry.record(letter.recorded(moment.wall, mask))
    return entry


def _finalised(
    letter: OutboundMessage, posted: HttpResult, outcome: Outcome, moment: Moment, mask: Mask
) -> OscpMessageLedgerEntry:
    """The entry, recorded before, with its end."""
    entry = OscpMessageLedgerEntry(letter.stream)
    entry.fold((letter.recorded(moment.wall, mask),))
    marks = letter.marks_when(posted.status)
    entry.finalise(
        OscpMessageFinalised(
            moment.wall,
            outcome,
            answer=Answer(posted.status, posted.answer_headers, posted.body),
            deviations=_deviations(posted),
            latency_us=posted.latency_us,
            error=posted.error,
            overrides=marks.changed,
            matched=marks.matched,
        )
    )
    return entry


def _outcome(posted: HttpResult) -> Outcome:
    if posted is _WITHHELD:
        return Outcome.WITHHELD
    if not posted.status:
        return Outcome.FAILED
    return Outcome.ACCEPTED if posted.status // 100 == 2 else Outcome.REJECTED


def _deviations(posted: HttpResult) -> tuple[Deviation, ...]:
    if posted.status // 100 == 2 and posted.status != _OK:
        return (Deviation("status-not-204", str(posted.status)),)
    return ()
