"""Reading requests for expectations."""

from __future__ import annotations

import msgspec

from depot_sim.domain.interaction.expectation_events import Clock, Each, Expectation, Moment, Step
from depot_sim.domain.interaction.family import Family
from depot_sim.domain.interaction.matching import Pattern
from depot_sim.domain.interaction.message import Direction
from depot_sim.domain.interaction.pattern_requests import PatternReader, PatternRequest, raise_faults
from depot_sim.domain.kernel.instants import Instant, written
from depot_sim.domain.kernel.pointer import child
from depot_sim.domain.kernel.reading import read

MOST_STEPS = 20
MOST_MESSAGES = 1_000
LONGEST_MS = 366 * 24 * 3_600_000
LONGEST_ANSWER_MS = 24 * 3_600_000
_LONGEST_TEXT = 200


class StepRequest(PatternRequest, frozen=True, omit_defaults=True):
    """At least `count` such messages. Inbound ones, unless `direction` says outbound or the messages always are.

    `outcomes` left out: accepted or sent ones, or with `never` any.
    """

    count: int = 1
    outcomes: tuple[str, ...] | None = None


class EachRequest(PatternRequest, frozen=True, omit_defaults=True, kw_only=True):
    """Every such message, outbound ones unless `direction` says inbound, has to be answered within `within_ms`.

    `outcomes` left out: accepted or sent ones.
    """

    within_ms: int
    outcomes: tuple[str, ...] | None = None


class ExpectationRequest(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`messages` that have to come, or with `never` must not, `within_ms` from now or up to `deadline` on `clock`.

    With `to_each`, the one in `messages` is the answer that each such message has to get.
    """

    messages: tuple[StepRequest, ...]
    within_ms: int | None = None
    deadline: Instant | None = None
    clock: Clock = Clock.TARGET
    ordered: bool = False
    never: bool = False
    to_each: EachRequest | None = None
    requires_online: bool = False
    title: str = ""


def read_expectation_request(raw: object, family: Family, now: Moment, cause: str = "") -> Expectation:
    """The expectation asked for. Raises InvalidInput with every fault."""
    reading = read(raw, ExpectationRequest)
    request = reading.document
    reader = _Reader(family)
    asked = reader.read(request, now, cause) if request is not None else None
    raise_faults(reading, reader.faults)
    assert asked is not None, "no document means a fault"
    return asked


def read_step_request(raw: object, family: Family) -> Step:
    """The message asked for, as an expectation would have it. Raises InvalidInput with every fault."""
    reading = read(raw, StepRequest)
    reader = _Reader(family)
    step = reader.step(reading.document, never=False, at="") if reading.document is not None else None
    raise_faults(reading, reader.faults)
    assert step is not None, "no document means a fault"
    return step


class _Reader(PatternReader):
    def read(self, request: ExpectationRequest, now: Moment, cause: str) -> Expectation:
        if not 1 <= len(request.messages) <= MOST_STEPS:
            self.fault("/messages", f"{len(request.messages)} messages", f"1 to {MOST_STEPS}")
        if len(request.title) > _LONGEST_TEXT:
            self.fault("/title", f"{len(request.title)} characters", f"at most {_LONGEST_TEXT}")
        if request.to_each is not None:
            self._check_each(request, request.to_each)
        return Expectation(
            steps=tuple(
                self.step(step, never=request.never, at=f"/messages/{i}") for i, step in enumerate(request.messages)
            ),
            deadline=self._deadline(request, now.on(request.clock)),
            clock=request.clock,
            ordered=request.ordered,
            never=request.never,
            to_each=None if request.to_each is None else self._each(request.to_each),
            requires_online=request.requires_online,
            title=request.title,
            cause=cause,
        )

    def step(self, step: StepRequest, *, never: bool, at: str) -> Step:
        if not 1 <= step.count <= MOST_MESSAGES:
            self.fault(child(at, "count"), f"the number {step.count}", f"1 to {MOST_MESSAGES}")
        default = () if never else self.family.fine
        pattern = self._pattern(step, at, Direction.INBOUND)
        return Step(
            pattern.direction,
            pattern.message_types,
            pattern.correlation_id,
            pattern.where,
            step.count,
            default if step.outcomes is None else step.outcomes,
        )

    def _check_each(self, request: ExpectationRequest, each: EachRequest) -> None:
        if not 1 <= each.within_ms <= LONGEST_ANSWER_MS:
            self.fault("/to_each/within_ms", f"the number {each.within_ms}", f"1 to {LONGEST_ANSWER_MS} ms")
        if len(request.messages) > 1:
            self.fault("/messages", f"{len(request.messages)} messages", "one beside to_each: the answer")
        for name in ("ordered", "never"):
            if getattr(request, name):
                self.fault(f"/{name}", "true", "false beside to_each")

    def _each(self, each: EachRequest) -> Each:
        pattern = self._pattern(each, "/to_each", Direction.OUTBOUND)
        outcomes = self.family.fine if each.outcomes is None else each.outcomes
        return Each(
            pattern.direction,
            pattern.message_types,
            pattern.correlation_id,
            pattern.where,
            within_ms=each.within_ms,
            outcomes=outcomes,
        )

    def _pattern(self, request: PatternRequest, at: str, usual: Direction) -> Pattern:
        message_types = self.message_types(request.message_types, child(at, "message_types"))
        direction = request.direction or self.family.only_direction(message_types) or usual
        self.check_one_way(request.message_types, child(at, "message_types"), direction)
        where = self.conditions(request.where, child(at, "where"))
        return Pattern(direction, message_types, request.correlation_id, where)

    def _deadline(self, request: ExpectationRequest, now: int) -> int:
        if (request.within_ms is None) == (request.deadline is None):
            found = "neither" if request.deadline is None else "both"
            self.fault("", f"{found} of within_ms and deadline", "exactly one of them")
        if request.within_ms is not None:
            if not 1 <= request.within_ms <= LONGEST_MS:
                self.fault("/within_ms", f"the number {request.within_ms}", f"1 to {LONGEST_MS} ms")
            return now + request.within_ms
        if request.deadline is not None and request.deadline <= now:
            self.fault("/deadline", written(request.deadline), f"a time after {written(now)}, the present on its clock")
        return int(request.deadline or now)
