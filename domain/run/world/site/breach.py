"""Breach of a limit with hysteresis: in after two ticks above limit + 1 %, out after five ticks within the limit.

Within includes the limit itself: the allocation fills a busy node up to exactly its limit.
"""

from __future__ import annotations

from typing import NamedTuple

TICKS_IN = 2
TICKS_OUT = 5
MARGIN_PER_CENT = 1


class Watch(NamedTuple):
    """Hysteresis counters of one node after a tick."""

    breached: bool
    ticks_over: int
    ticks_under: int


def watch(breached: bool, ticks_over: int, ticks_under: int, load_w: int, limit_w: int) -> Watch:
    """The counters after one more tick at this load."""
    if breached:
        under = ticks_under + 1 if load_w <= limit_w else 0
        return Watch(True, 0, under) if under < TICKS_OUT else Watch(False, 0, 0)
    over = ticks_over + 1 if load_w * 100 > limit_w * (100 + MARGIN_PER_CENT) else 0
    return Watch(False, over, 0) if over < TICKS_IN else Watch(True, 0, 0)
