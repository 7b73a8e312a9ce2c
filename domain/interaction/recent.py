"""The last messages of a target, kept for telling what came instead of what was expected."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from depot_sim.domain.interaction.message import ObservedMessage

MOST = 50
LARGEST_BODY = 64 * 2**10
"""The body of a larger message is not kept."""


class Seen(NamedTuple):
    """A message and its outcome; `place` counts all messages seen."""

    place: int
    exchange: ObservedMessage
    outcome: str


class Recent:
    """A window that frequent messages do not sweep clean.

    When it is full, a kind of message with more than its fair share makes room itself, otherwise the most frequent one.
    `count` is how many messages there ever were.
    """

    __slots__ = ("_kinds", "_size", "count")

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], deque[Seen]] = {}
        self.count = 0
        self._size = 0

    def add(self, exchange: ObservedMessage, outcome: str) -> None:
        exchange = _compact(exchange)
        kind = (exchange.direction, exchange.message_type)
        kept = self._kinds.get(kind)
        if kept is None:
            kept = self._kinds[kind] = deque()
        self.count += 1
        kept.append(Seen(self.count, exchange, outcome))
        if self._size < MOST:
            self._size += 1
        elif len(kept) > 1 and len(kept) * len(self._kinds) > MOST:
            kept.popleft()
        else:
            self._drop_one()

    def __iter__(self) -> Iterator[Seen]:
        """Kind by kind."""
        for kept in self._kinds.values():
            yield from kept

    def __len__(self) -> int:
        return self._size

    def _drop_one(self) -> None:
        most_frequent = max(self._kinds, key=lambda kind: len(self._kinds[kind]))
        self._kinds[most_frequent].popleft()
        if not self._kinds[most_frequent]:
            del self._kinds[most_frequent]


def _compact(exchange: ObservedMessage) -> ObservedMessage:
    """The exchange without what a kept message need not hold: a large body, a decoded body, headers of its own."""
    raw = exchange.raw if len(exchange.raw) <= LARGEST_BODY else b""
    headers = tuple([_shared(header) for header in exchange.headers])
    return ObservedMessage(
        direction=exchange.direction,
        message_type=exchange.message_type,
        target=exchange.target,
        request_id=exchange.request_id,
        correlation_id=exchange.correlation_id,
        at=exchange.at,
        entry_id=exchange.entry_id,
        headers=headers,
        raw=raw,
    )


@lru_cache(maxsize=4096)
def _shared(header: tuple[str, str]) -> tuple[str, str]:
    """One object for equal headers: most headers of a target's messages are the same in every message."""
    return header
