"""How an expectation stands, and how far one more message brings it. Pure."""

from __future__ import annotations

import msgspec

from depot_sim.domain.interaction.expectation_events import Expectation, NearMiss, Step, Verdict
from depot_sim.domain.interaction.message import ObservedMessage

Counts = tuple[int, ...]
MOST_AWAITED = 100_000
"""Messages beyond these are not watched, until some have got their answers."""


class Awaited(msgspec.Struct, frozen=True):
    """A message whose answer is due, on the expectation's clock; `entry_id` is its own in the ledger."""

    entry_id: str
    due: int


class Standing(msgspec.Struct):
    """`counts` are each step's messages so far, never above its `count`; `met_by` the ledger entries of all of them.

    Of a forbidden message the entry is in `met_by` too: it is what the expectation foundered on. `awaited` are the
    messages without their answer so far, by request id, the first one due first; of answers only the number is kept.
    """

    expectation: Expectation
    raised_at: int
    counts: Counts
    met_by: list[str] = []
    verdict: Verdict = Verdict.WAITING
    settled_at: int | None = None
    reason: str = ""
    nearest: tuple[NearMiss, ...] = ()
    awaited: dict[str, Awaited] = {}

    @property
    def due(self) -> int:
        """When there will be a verdict, whatever comes until then."""
        first = next(iter(self.awaited.values()), None)
        return self.expectation.deadline if first is None else min(first.due, self.expectation.deadline)


def advanced(expectation: Expectation, counts: Counts, exchange: ObservedMessage, outcome: str) -> Counts:
    """The counts after one more message."""
    if expectation.to_each is not None:
        return counts
    if expectation.ordered:
        return _advanced_in_order(expectation.steps, counts, exchange, outcome)
    return tuple(
        count + 1 if count < step.count and _fits(step, exchange, outcome) else count
        for step, count in zip(expectation.steps, counts, strict=True)
    )


def is_complete(expectation: Expectation, counts: Counts) -> bool:
    """Nothing is missing; for `never` without an order, one step is enough."""
    done = (count >= step.count for step, count in zip(expectation.steps, counts, strict=True))
    return any(done) if expectation.never and not expectation.ordered else all(done)


def awaits(standing: Standing, exchange: ObservedMessage, outcome: str, now: int) -> int | None:
    """By when this message has to be answered; None when it need not be. `now` is on the expectation's clock."""
    each = standing.expectation.to_each
    if each is None or exchange.request_id in standing.awaited or len(standing.awaited) >= MOST_AWAITED:
        return None
    due = now + each.within_ms
    is_meant = due <= standing.expectation.deadline and each.matches(exchange) and each.met_by(outcome)
    return due if is_meant else None


def is_answer(standing: Standing, exchange: ObservedMessage, outcome: str) -> bool:
    """Whether this message is the answer to one that has to be answered."""
    return exchange.correlation_id in standing.awaited and _fits(standing.expectation.steps[0], exchange, outcome)


def _advanced_in_order(steps: tuple[Step, ...], counts: Counts, exchange: ObservedMessage, outcome: str) -> Counts:
    place = next(place for place, step in enumerate(steps) if counts[place] < step.count)
    if not _fits(steps[place], exchange, outcome):
        return counts
    return (*counts[:place], counts[place] + 1, *counts[place + 1 :])


def _fits(step: Step, exchange: ObservedMessage, outcome: str) -> bool:
    return step.matches(exchange) and step.met_by(outcome)
