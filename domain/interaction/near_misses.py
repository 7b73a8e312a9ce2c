"""Which messages came nearest to an expected one that did not come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from depot_sim.domain.interaction.expectation_events import NearMiss, Step
from depot_sim.domain.interaction.matching import FieldComparison, compare
from depot_sim.domain.interaction.recent import Seen
from depot_sim.domain.interaction.standing import Standing
from depot_sim.domain.kernel.instants import written

SHOWN = 3
_WEIGHTS = {"message_type": 100, "direction": 50}
"""Another kind of message is farther off than any number of other fields."""
_WEIGHTS_OF_ANSWERS = _WEIGHTS | {"correlation_id": 25}
"""So is the answer to another message, where every message has its own."""


class _Rated(NamedTuple):
    """Sorts by distance, then the newest first, then the earliest step."""

    distance: int
    age: int
    step: int
    seen: Seen
    fields: tuple[FieldComparison, ...]


def nearest(standing: Standing, seen: Iterable[Seen], raised_after: int = 0) -> tuple[NearMiss, ...]:
    """The messages nearest to a step that is not complete, leaving out those that counted.

    Messages up to the place `raised_after` came before the expectation was raised.
    """
    steps = _missing(standing)
    rated = [
        min(_rate(one, place, step, standing, raised_after) for place, step in steps.items())
        for one in seen
        if one.exchange.entry_id not in standing.met_by
    ]
    return tuple(_near_miss(one) for one in sorted(rated)[:SHOWN])


def _missing(standing: Standing) -> Mapping[int, Step]:
    """The steps that are not complete, by their places; with answers awaited, the one to the message due first."""
    steps = standing.expectation.steps
    if standing.awaited:
        return {0: msgspec.structs.replace(steps[0], correlation_id=next(iter(standing.awaited)))}
    return {place: step for place, step in enumerate(steps) if standing.counts[place] < step.count}


def _near_miss(rated: _Rated) -> NearMiss:
    exchange = rated.seen.exchange
    return NearMiss(exchange.entry_id, exchange.request_id, exchange.at, rated.step, rated.fields)


def _rate(seen: Seen, place: int, step: Step, standing: Standing, raised_after: int) -> _Rated:
    fields = tuple(_fields(seen, step))
    fields += tuple(_timing(seen, standing, raised_after))
    if place and standing.expectation.ordered and all(field.matched for field in fields):
        fields += (FieldComparison("order", False, f"before message {place} of the sequence", "after it"),)
    weights = _WEIGHTS_OF_ANSWERS if standing.awaited else _WEIGHTS
    distance = sum(weights.get(field.field, 1) for field in fields if not field.matched)
    return _Rated(distance, -seen.place, place, seen, fields)


def _fields(seen: Seen, step: Step) -> Iterator[FieldComparison]:
    yield from compare(step, seen.exchange)
    if step.outcomes:
        expected = " or ".join(step.outcomes)
        yield FieldComparison("outcome", step.met_by(seen.outcome), seen.outcome or "none", expected)


def _timing(seen: Seen, standing: Standing, raised_after: int) -> Iterator[FieldComparison]:
    if seen.place <= raised_after or seen.exchange.at < standing.raised_at:
        expected = f"after the expectation was raised at {written(standing.raised_at)}"
        yield FieldComparison("time", False, written(seen.exchange.at), expected)
