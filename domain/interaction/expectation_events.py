"""An expected message, and how the expectation fares. Every `at` is on the target's own clock, ms since 1970 UTC."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, NamedTuple

import msgspec

from depot_sim.domain.interaction.matching import FieldComparison, Pattern
from depot_sim.domain.kernel.events import Event


class Clock(StrEnum):
    """Which clock a deadline is on: the target's own, the wall's, or the run's logical time."""

    TARGET = "session"
    WALL = "wall"
    RUN = "run"


class Moment(NamedTuple):
    """One moment on every clock, in ms since 1970 UTC."""

    target: int
    wall: int
    run: int

    def on(self, clock: Clock) -> int:
        return self[_PLACES[clock]]


_PLACES = {Clock.TARGET: 0, Clock.WALL: 1, Clock.RUN: 2}


class Step(Pattern, frozen=True, omit_defaults=True):
    """At least `count` such messages, with one of these outcomes (empty: with any)."""

    count: int = 1
    outcomes: tuple[str, ...] = ()

    def met_by(self, outcome: str) -> bool:
        return not self.outcomes or outcome in self.outcomes


class Each(Pattern, frozen=True, omit_defaults=True, kw_only=True):
    """Every such message, with one of these outcomes (empty: any), is to be answered within `within_ms`."""

    within_ms: int
    outcomes: tuple[str, ...] = ()

    def met_by(self, outcome: str) -> bool:
        return not self.outcomes or outcome in self.outcomes


class Expectation(msgspec.Struct, frozen=True, omit_defaults=True):
    """Messages that have to come before `deadline`, or with `never` must not.

    Ordered, a message counts for the first step that is not complete; otherwise for every step it fits, and `never`
    means none of them. With `to_each` the only step is the answer that each such message has to get, known by its
    correlation to it; messages that have less time than that before `deadline` do not count. With `requires_online` it
    is retired when its target goes offline. `cause` says what raised it.
    """

    steps: tuple[Step, ...]
    deadline: int
    clock: Clock = Clock.TARGET
    ordered: bool = False
    never: bool = False
    to_each: Each | None = None
    requires_online: bool = False
    title: str = ""
    cause: str = ""


class Verdict(StrEnum):
    WAITING = "waiting"
    MET = "met"
    MISSED = "missed"
    RETIRED = "retired"


class Reason(StrEnum):
    """Why an expectation is missed: too few messages in time, one that must not come, or one that got no answer."""

    DEADLINE = "deadline"
    FORBIDDEN = "forbidden"
    UNANSWERED = "unanswered"


class NearMiss(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message that nearly was the expected one, field by field against step number `step` (from 0)."""

    entry_id: str
    request_id: str
    at: int
    step: int
    fields: tuple[FieldComparison, ...]


class ExpectationEvent(Event, frozen=True, omit_defaults=True):
    at: int
    expectation_id: str


class MessageExpectationRaised(ExpectationEvent, frozen=True):
    TOPIC: ClassVar[str] = "scenario.message-expectation-raised.1"
    expectation: Expectation


class MessageExpectationProgressed(ExpectationEvent, frozen=True):
    """A message counted, and no verdict follows from it yet. `counts` are the steps' messages so far."""

    TOPIC: ClassVar[str] = "scenario.message-expectation-progressed.1"
    entry_id: str
    counts: tuple[int, ...]


class MessageAnswerAwaited(ExpectationEvent, frozen=True):
    """One of the messages that are to be answered each: by `due`, on the expectation's clock."""

    TOPIC: ClassVar[str] = "scenario.message-answer-awaited.1"
    request_id: str
    entry_id: str
    due: int


class MessageAnswerReceived(ExpectationEvent, frozen=True):
    """`entry_id` is the answer; `request_id` the message that was to be answered."""

    TOPIC: ClassVar[str] = "scenario.message-answer-received.1"
    request_id: str
    entry_id: str


class MessageExpectationMet(ExpectationEvent, frozen=True):
    """`entry_id` is the message that completed it; empty when the deadline passed without a forbidden one."""

    TOPIC: ClassVar[str] = "scenario.message-expectation-met.1"
    entry_id: str = ""
    counts: tuple[int, ...] = ()


class MessageExpectationMissed(ExpectationEvent, frozen=True):
    """`entry_id` is the forbidden or the unanswered message, if that is the reason.

    `nearest` are near misses, the nearest first.
    """

    TOPIC: ClassVar[str] = "scenario.message-expectation-missed.1"
    reason: Reason
    entry_id: str = ""
    counts: tuple[int, ...] = ()
    nearest: tuple[NearMiss, ...] = ()


class MessageExpectationRetired(ExpectationEvent, frozen=True):
    """Called off before a verdict."""

    TOPIC: ClassVar[str] = "scenario.message-expectation-retired.1"
    reason: str
