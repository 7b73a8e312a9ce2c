"""The expectations of one target, such as a session: what has to come, or must not, and by when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar
from uuid import UUID, uuid5

import msgspec

from depot_sim.domain.interaction.expectation_events import (
    Clock,
    Expectation,
    MessageAnswerAwaited,
    MessageAnswerReceived,
    MessageExpectationMet,
    MessageExpectationMissed,
    MessageExpectationProgressed,
    MessageExpectationRaised,
    MessageExpectationRetired,
    Moment,
    NearMiss,
    Reason,
    Step,
    Verdict,
)
from depot_sim.domain.interaction.message import ObservedMessage
from depot_sim.domain.interaction.near_misses import nearest
from depot_sim.domain.interaction.recent import Recent
from depot_sim.domain.interaction.standing import Awaited, Counts, Standing, advanced, awaits, is_answer, is_complete
from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.errors import Conflict, NotFound
from depot_sim.domain.kernel.events import Event

MOST_WAITING = 200
MOST_SETTLED = 100
"""Of the expectations with a verdict, the aggregate remembers the last ones; the log has them all."""
OFFLINE = "its target went offline"
_NAMES = UUID("0b9f5f3f-93a5-5e0c-8a55-4c4f0a1a7c02")


class ExpectationsState(msgspec.Struct):
    """`raised` counts every expectation there ever was."""

    waiting: dict[str, Standing] = {}
    settled: dict[str, Standing] = {}
    raised: int = 0


def _raise(state: ExpectationsState, event: MessageExpectationRaised) -> None:
    counts = (0,) * len(event.expectation.steps)
    state.waiting[event.expectation_id] = Standing(event.expectation, event.at, counts)
    state.raised += 1


def _progress(state: ExpectationsState, event: MessageExpectationProgressed) -> None:
    _count(state.waiting[event.expectation_id], event.entry_id, event.counts)


def _await_answer(state: ExpectationsState, event: MessageAnswerAwaited) -> None:
    state.waiting[event.expectation_id].awaited[event.request_id] = Awaited(event.entry_id, event.due)


def _take_answer(state: ExpectationsState, event: MessageAnswerReceived) -> None:
    standing = state.waiting[event.expectation_id]
    del standing.awaited[event.request_id]
    standing.counts = (standing.counts[0] + 1,)


def _meet(state: ExpectationsState, event: MessageExpectationMet) -> None:
    standing = _settle(state, event.expectation_id, Verdict.MET, event.at)
    _count(standing, event.entry_id, event.counts)


def _miss(state: ExpectationsState, event: MessageExpectationMissed) -> None:
    standing = _settle(state, event.expectation_id, Verdict.MISSED, event.at)
    _count(standing, event.entry_id, event.counts)
    standing.reason, standing.nearest = event.reason.value, event.nearest


def _retire(state: ExpectationsState, event: MessageExpectationRetired) -> None:
    _settle(state, event.expectation_id, Verdict.RETIRED, event.at).reason = event.reason


def _count(standing: Standing, entry_id: str, counts: Counts) -> None:
    standing.counts = counts
    if entry_id:
        standing.met_by.append(entry_id)


def _settle(state: ExpectationsState, expectation_id: str, verdict: Verdict, at: int) -> Standing:
    standing = state.waiting.pop(expectation_id)
    standing.verdict, standing.settled_at = verdict, at
    state.settled[expectation_id] = standing
    if len(state.settled) > MOST_SETTLED:
        del state.settled[next(iter(state.settled))]
    return standing


class Expectations(Aggregate[ExpectationsState]):
    """What is expected of one target's messages. Methods that settle expectations return the ids settled."""

    handlers: ClassVar[Mapping[type[Event], Callable[[Any, Any], None]]] = {
        MessageExpectationRaised: _raise,
        MessageExpectationProgressed: _progress,
        MessageAnswerAwaited: _await_answer,
        MessageAnswerReceived: _take_answer,
        MessageExpectationMet: _meet,
        MessageExpectationMissed: _miss,
        MessageExpectationRetired: _retire,
    }
    __slots__ = ("_raised_after", "_recent", "target")

    def __init__(self, target: str) -> None:
        super().__init__(stream_of(target), ExpectationsState())
        self.target = target
        self._recent = Recent()
        self._raised_after: dict[str, int] = {}

    @property
    def waiting(self) -> Mapping[str, Standing]:
        """By id, in the order raised."""
        return self.state.waiting

    def find(self, expectation_id: str) -> Standing | None:
        """How it stands; None when it is unknown, or was settled long ago."""
        return self.state.waiting.get(expectation_id) or self.state.settled.get(expectation_id)

    def raise_(self, expectation: Expectation, now: Moment) -> str:
        """Begin to wait; the id. Raises Conflict when too many are waiting."""
        if len(self.state.waiting) >= MOST_WAITING:
            raise Conflict(f"{MOST_WAITING} expectations are waiting already", "retire those no longer needed")
        expectation_id = str(uuid5(_NAMES, f"{self.target}/{self.state.raised}"))
        self.emit(MessageExpectationRaised(now.target, expectation_id, expectation))
        self._raised_after[expectation_id] = self._recent.count
        return expectation_id

    def observe(self, exchange: ObservedMessage, outcome: str, now: Moment) -> tuple[str, ...]:
        """Take note of a message once its outcome is known. What is past its deadline misses first."""
        if not self.state.waiting:
            self._recent.add(exchange, outcome)
            return ()
        expired = self.expire(now)
        self._recent.add(exchange, outcome)
        waiting = tuple(self.state.waiting.items())
        return expired + tuple(id for id, standing in waiting if self._advance(id, standing, exchange, outcome, now))

    def remember(self, exchange: ObservedMessage, outcome: str) -> None:
        """Take note of a message that was observed before a restart, for telling near misses only."""
        self._recent.add(exchange, outcome)

    def expire(self, now: Moment) -> tuple[str, ...]:
        """Give every expectation its verdict whose deadline has come."""
        if not self.state.waiting:
            return ()
        waiting = self.state.waiting.items()
        due = tuple(id for id, standing in waiting if standing.due <= now.on(standing.expectation.clock))
        for expectation_id in due:
            self._end(expectation_id, now)
        return due

    def retire(self, expectation_id: str, reason: str, now: Moment) -> None:
        """Call one off. Raises NotFound, or Conflict when it has its verdict already."""
        standing = self.find(expectation_id)
        if standing is None:
            raise NotFound(f"there is no expectation {expectation_id}", "list the expectations of this target")
        if standing.verdict is not Verdict.WAITING:
            raise Conflict(f"expectation {expectation_id} is {standing.verdict.value} already", "its verdict holds")
        self._retire((expectation_id,), reason, now)

    def retire_all(self, reason: str, now: Moment) -> tuple[str, ...]:
        """Call off whatever is waiting: the target is gone."""
        return self._retire(tuple(self.state.waiting), reason, now)

    def went_offline(self, now: Moment) -> tuple[str, ...]:
        """Call off what can only come from a target that is online."""
        waiting = self.state.waiting.items()
        return self._retire(tuple(id for id, held in waiting if held.expectation.requires_online), OFFLINE, now)

    def nearest_to(self, step: Step) -> tuple[NearMiss, ...]:
        """The messages nearest to such a one, the nearest first, of those seen last; also ones that are it."""
        return nearest(Standing(Expectation((step,), 0), 0, (0,)), self._recent)

    def next_deadline(self) -> Mapping[Clock, int]:
        """The next deadline on each clock that has one."""
        deadlines: dict[Clock, int] = {}
        for standing in self.state.waiting.values():
            clock, deadline = standing.expectation.clock, standing.due
            deadlines[clock] = min(deadline, deadlines.get(clock, deadline))
        return deadlines

    def _advance(self, id: str, standing: Standing, exchange: ObservedMessage, outcome: str, now: Moment) -> bool:
        """Whether the message settles this expectation. One that counted already does not count again."""
        if standing.expectation.to_each is not None:
            self._watch_answers(id, standing, exchange, outcome, now)
            return False
        entry_id = exchange.entry_id
        if entry_id and entry_id in standing.met_by:
            return False
        counts = advanced(standing.expectation, standing.counts, exchange, outcome)
        if counts == standing.counts:
            return False
        if not is_complete(standing.expectation, counts):
            self.emit(MessageExpectationProgressed(now.target, id, entry_id, counts))
            return False
        if standing.expectation.never:
            self._settle(MessageExpectationMissed(now.target, id, Reason.FORBIDDEN, entry_id, counts))
        else:
            self._settle(MessageExpectationMet(now.target, id, entry_id, counts))
        return True

    def _watch_answers(self, id: str, standing: Standing, exchange: ObservedMessage, outcome: str, now: Moment) -> None:
        if is_answer(standing, exchange, outcome):
            self.emit(MessageAnswerReceived(now.target, id, exchange.correlation_id, exchange.entry_id))
        due = awaits(standing, exchange, outcome, now.on(standing.expectation.clock))
        if due is not None:
            self.emit(MessageAnswerAwaited(now.target, id, exchange.request_id, exchange.entry_id, due))

    def _end(self, id: str, now: Moment) -> None:
        standing = self.state.waiting[id]
        expectation, counts = standing.expectation, standing.counts
        is_answered = expectation.to_each is not None and is_complete(expectation, counts)
        if standing.awaited:
            self._settle(self._missed(id, standing, Reason.UNANSWERED, now))
        elif expectation.never or is_answered:
            self._settle(MessageExpectationMet(now.target, id, counts=counts))
        else:
            self._settle(self._missed(id, standing, Reason.DEADLINE, now))

    def _missed(self, id: str, standing: Standing, reason: Reason, now: Moment) -> MessageExpectationMissed:
        near = nearest(standing, self._recent, self._raised_after.get(id, 0))
        entry_id = next((awaited.entry_id for awaited in standing.awaited.values()), "")
        return MessageExpectationMissed(now.target, id, reason, entry_id, standing.counts, near)

    def _retire(self, ids: Iterable[str], reason: str, now: Moment) -> tuple[str, ...]:
        retired = tuple(ids)
        for expectation_id in retired:
            self._settle(MessageExpectationRetired(now.target, expectation_id, reason))
        return retired

    def _settle(self, event: MessageExpectationMet | MessageExpectationMissed | MessageExpectationRetired) -> None:
        self.emit(event)
        self._raised_after.pop(event.expectation_id, None)


def stream_of(target: str) -> str:
    return f"expectation-{target}"
