"""Capacity forecasts of managed scopes: what a platform was told a scope may take or give, and when.

They are known to the world, which tells when a scope goes beyond one. Nothing here holds the scope back: to keep within
its forecasts is what the platform under test is for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from enum import Enum
from heapq import heappop, heappush
from itertools import pairwise
from operator import attrgetter

import msgspec
from msgspec import UNSET, UnsetType

MOST_REMEMBERED = 64


class ForecastType(Enum):
    """CONSUMPTION is the most a scope may import, GENERATION the most it may export."""

    CONSUMPTION = "CONSUMPTION"
    GENERATION = "GENERATION"

    def flow_w(self, load_w: int) -> int:
        """What this type of forecast speaks of in a load whose import is positive."""
        return load_w if self is ForecastType.CONSUMPTION else -load_w


class ForecastBlock(msgspec.Struct, frozen=True):
    """From `start` until before `end`, in logical ms; before the run's start they are negative."""

    start: int
    end: int
    capacity_w: int


class ActiveForecast(msgspec.Struct):
    """`blocks` are in order of time and apart. The counters are those of a breach watch (breach.py).

    `part_ms` is not encoded before a tick was cut short, so that a world without such ticks keeps its hash.
    """

    forecast_id: str
    blocks: tuple[ForecastBlock, ...]
    ticks_over: int = 0
    ticks_under: int = 0
    breached: bool = False
    part_ms: int | UnsetType = UNSET


class ScopeState(msgspec.Struct):
    """The scope's active forecasts, one of each type, and when it was last found above each forecast it ever had."""

    forecasts: dict[ForecastType, ActiveForecast] = msgspec.field(default_factory=dict)
    breaches: dict[str, int] = msgspec.field(default_factory=dict)

    def remember_breach(self, forecast_id: str, at: int) -> None:
        """The newest comes last; of very many forecasts those breached longest ago are forgotten."""
        self.breaches.pop(forecast_id, None)
        self.breaches[forecast_id] = at
        if len(self.breaches) > MOST_REMEMBERED:
            del self.breaches[next(iter(self.breaches))]


def block_at(blocks: Sequence[ForecastBlock], at: int) -> ForecastBlock | None:
    """The block in force at `at`, of blocks in order of time and apart; None in a gap."""
    after = bisect_right(blocks, at, key=attrgetter("start"))
    return blocks[after - 1] if after and at < blocks[after - 1].end else None


def holds_until(blocks: Sequence[ForecastBlock], at: int) -> int | None:
    """When the block or the gap at `at` ends; None for the gap after the last block."""
    block = block_at(blocks, at)
    if block is not None:
        return block.end
    after = bisect_right(blocks, at, key=attrgetter("start"))
    return blocks[after].start if after < len(blocks) else None


def set_apart(blocks: Sequence[ForecastBlock]) -> tuple[ForecastBlock, ...]:
    """The same in order of time and without overlaps: where blocks overlap, the first given is in force."""
    coming = sorted(range(len(blocks)), key=lambda place: -blocks[place].start)
    moments = sorted({moment for block in blocks for moment in (block.start, block.end)})
    begun: list[int] = []
    pieces: list[tuple[int, int, int]] = []
    for begin, end in pairwise(moments):
        while coming and blocks[coming[-1]].start <= begin:
            heappush(begun, coming.pop())
        while begun and blocks[begun[0]].end <= begin:
            heappop(begun)
        if begun:
            goes_on = pieces and pieces[-1][0] == begun[0] and pieces[-1][2] == begin
            pieces.append((begun[0], pieces.pop()[1] if goes_on else begin, end))
    return tuple([ForecastBlock(begin, end, blocks[place].capacity_w) for place, begin, end in pieces])
