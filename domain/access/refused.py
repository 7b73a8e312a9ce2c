"""The audit of refused requests: counts per hour and sender, one stream per day.

Tokens, headers and bodies never become part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.events import Event

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
OTHERS = "others"
"""Stands for all senders beyond the number that is told apart in an hour."""


class RefusedKey(msgspec.Struct, frozen=True):
    """What refused requests are counted by.

    `hour` is its first ms since 1970. `sender` is an address, an IPv6 network of 64 bits, or OTHERS. `route` is a path
    template. `reason` is the rule that refused.
    """

    hour: int
    sender: str
    surface: str
    route: str
    reason: str


class RefusedCount(msgspec.Struct, frozen=True):
    """`count` requests; `first_at` and `last_at` are wall time in ms since 1970."""

    key: RefusedKey
    count: int
    first_at: int
    last_at: int

    def plus(self, other: RefusedCount) -> RefusedCount:
        """Both counts, of the same key."""
        return RefusedCount(
            self.key,
            self.count + other.count,
            min(self.first_at, other.first_at),
            max(self.last_at, other.last_at),
        )


class RequestsRefused(Event, frozen=True):
    """Requests that were refused since the process recorded its previous event; `at` is wall time in ms since 1970."""

    TOPIC: ClassVar[str] = "access.requests-refused.1"
    at: int
    counts: tuple[RefusedCount, ...]


def _count(state: dict[RefusedKey, RefusedCount], event: RequestsRefused) -> None:
    add(state, event.counts)


class RefusedOnDay(Aggregate[dict[RefusedKey, RefusedCount]]):
    """The refused requests of one day (UTC), from every process on the store."""

    handlers: ClassVar[Mapping[type[Event], Callable[[Any, Any], None]]] = {RequestsRefused: _count}
    __slots__ = ()

    def __init__(self, day: int) -> None:
        """`day` counts from 1970-01-01."""
        super().__init__(f"refused-requests-{day}", {})

    def record(self, at: int, counts: Sequence[RefusedCount]) -> None:
        self.emit(RequestsRefused(at, tuple(counts)))


def add(totals: dict[RefusedKey, RefusedCount], counts: Sequence[RefusedCount]) -> None:
    """Add each count to the total of its key."""
    for count in counts:
        known = totals.get(count.key)
        totals[count.key] = count if known is None else known.plus(count)
