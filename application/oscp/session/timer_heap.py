"""TimerHeap by name: each is set for one moment, and may be set anew or cancelled at any time."""

from __future__ import annotations

import heapq


class TimerHeap:
    """Moments are µs of a clock that never goes back.

    An alarm never rings late, but it may ring early: one that is put off stays where it is, which costs nothing, and
    whoever it wakes sets it anew. Timers that every message puts off ring once a period that way, not once a message.
    """

    def __init__(self) -> None:
        self._set: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []

    def set(self, name: str, at_us: int) -> bool:
        """Whether this is now the first alarm to ring."""
        present = self._set.get(name)
        if present is not None and present <= at_us:
            return False
        self._set[name] = at_us
        heapq.heappush(self._heap, (at_us, name))
        return self._heap[0][0] >= at_us

    def cancel(self, name: str) -> None:
        self._set.pop(name, None)

    def next_us(self) -> int | None:
        """When the next alarm rings."""
        self._skip_stale()
        return self._heap[0][0] if self._heap else None

    def ringing(self, now_us: int) -> list[str]:
        """TimerHeap whose moment has come, earliest first; they are no longer set."""
        names = []
        self._skip_stale()
        while self._heap and self._heap[0][0] <= now_us:
            _, name = heapq.heappop(self._heap)
            del self._set[name]
            names.append(name)
            self._skip_stale()
        return names

    def _skip_stale(self) -> None:
        while self._heap and self._set.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
