"""How an expectation stands, and how far one more message brings it. Pure."""

from __future__ import annotations

import msgspec

from domain.scenario.exchange import Exchange
from domain.scenario.expectation_events import Expectation, NearMiss, Step, Verdict

Counts = tuple[int, ...]


class Standing(msgspec.Struct):
    """`counts` are each step's messages so far, never above its `count`; `met_by` the ledger entries of all of them.

    Of a forbidden message the entry is in `met_by` too: it is what the expectation foundered on.
    """

    expectation: Expectation
    raised_at: int
    counts: Counts
    met_by: list[str] = []
    verdict: Verdict = Verdict.WAITING
    settled_at: int | None = None
    reason: str = ""
    nearest: tuple[NearMiss, ...] = ()


def advanced(expectation: Expectation, counts: Counts, exchange: Exchange, outcome: str) -> Counts:
    """The counts after one more message."""
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


def _advanced_in_order(steps: tuple[Step, ...], counts: Counts, exchange: Exchange, outcome: str) -> Counts:
    place = next(place for place, step in enumerate(steps) if counts[place] < step.count)
    if not _fits(steps[place], exchange, outcome):
        return counts
    return (*counts[:place], counts[place] + 1, *counts[place + 1 :])


def _fits(step: Step, exchange: Exchange, outcome: str) -> bool:
    return step.matches(exchange) and step.met_by(outcome)
