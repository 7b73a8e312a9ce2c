"""Breach of a limit with hysteresis: it begins after two ticks above limit + 1 %, and ends after five ticks within.

Within includes the limit itself: the allocation fills a busy node up to exactly its limit. Ticks are counted by their
logical time: a tick that was cut short, because a command came before its end, counts for its part of a whole one.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from msgspec import UNSET, UnsetType

TICKS_IN = 2
TICKS_OUT = 5
MARGIN_PER_CENT = 1


class Watched(Protocol):
    """State that holds the counters of a watch; `part_ms` is unset while whole ticks are counted."""

    breached: bool
    ticks_over: int
    ticks_under: int
    part_ms: int | UnsetType


class Watch(NamedTuple):
    """How long a load has been above its limit, or within it while breached: whole ticks, and `part_ms` beyond them."""

    breached: bool = False
    ticks_over: int = 0
    ticks_under: int = 0
    part_ms: int = 0

    @classmethod
    def of(cls, state: Watched) -> Watch:
        part_ms = 0 if state.part_ms is UNSET else state.part_ms
        return cls(state.breached, state.ticks_over, state.ticks_under, part_ms)

    def after(self, length_ms: int, load_w: int, limit_w: int, tick_ms: int) -> Watch:
        """After one more tick of this length at this load; `tick_ms` is the length of a whole one."""
        if self.breached:
            counts, ticks, needed = load_w <= limit_w, self.ticks_under, TICKS_OUT
        else:
            counts, ticks, needed = load_w * 100 > limit_w * (100 + MARGIN_PER_CENT), self.ticks_over, TICKS_IN
        if not counts:
            return Watch(self.breached)
        ticks, part_ms = divmod(ticks * tick_ms + self.part_ms + length_ms, tick_ms)
        if ticks >= needed:
            return Watch(not self.breached)
        return Watch(True, 0, ticks, part_ms) if self.breached else Watch(False, ticks, 0, part_ms)
