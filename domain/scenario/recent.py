"""The last messages of a target, kept for telling what came instead of what was expected."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from domain.scenario.exchange import Exchange

MOST = 50
LARGEST_BODY = 64 * 2**10
"""The body of a larger message is not kept."""


class Seen(NamedTuple):
    """A message and its outcome; `place` counts all messages seen."""

    place: int
    exchange: Exchange
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

    def add(self, exchange: Exchange, outcome: str) -> None:
        if len(exchange.raw) > LARGEST_BODY:
            exchange = msgspec.structs.replace(exchange, raw=b"")
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
