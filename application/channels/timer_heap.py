"""Timers by key: each is set for one moment, and may be set anew or cancelled at any time."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from itertools import count
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
_MAX_STALE = 64


class TimerHeap(Generic[K]):
    """Moments are numbers of a clock that never goes back.

    A timer never rings late, but it may ring early: one that is put off stays where it is, which costs nothing, and is
    set anew when it has rung. Timers that every message puts off ring once a period that way, not once a message.
    """

    def __init__(self) -> None:
        self._set: dict[K, int] = {}
        self._heap: list[tuple[int, int, K]] = []
        self._order = count()

    def set(self, key: K, at: int) -> bool:
        """Whether this is now the first timer to ring."""
        present = self._set.get(key)
        if present is not None and present <= at:
            return False
        self._set[key] = at
        heapq.heappush(self._heap, (at, next(self._order), key))
        if len(self._heap) > 2 * len(self._set) + _MAX_STALE:
            self._drop_stale()
        return self._heap[0][0] >= at

    def cancel(self, key: K) -> None:
        self._set.pop(key, None)

    def next(self) -> int | None:
        """When the next timer rings."""
        self._skip_stale()
        return self._heap[0][0] if self._heap else None

    def ringing(self, now: int) -> list[K]:
        """The keys of timers whose moment has come, earliest first; they are no longer set."""
        keys = []
        self._skip_stale()
        while self._heap and self._heap[0][0] <= now:
            key = heapq.heappop(self._heap)[2]
            del self._set[key]
            keys.append(key)
            self._skip_stale()
        return keys

    def _drop_stale(self) -> None:
        """Entries of timers that were cancelled or set to ring sooner would stay until their moment."""
        self._heap = [entry for entry in self._heap if self._set.get(entry[2]) == entry[0]]
        heapq.heapify(self._heap)

    def _skip_stale(self) -> None:
        while self._heap and self._set.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
