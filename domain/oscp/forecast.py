"""Forecast blocks: built from a short pattern, repeated, and asked what holds when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from depot_sim.domain.oscp.forecast_pattern import build
from depot_sim.domain.oscp.vocabulary import Phase, Unit
from depot_sim.domain.oscp.wire.messages import Block
from depot_sim.domain.oscp.wire.times import MS_PER_MINUTE

__all__ = ["QUARTER_MS", "block_at", "build", "covers", "gaps", "next_quarter", "overlaps", "shifted"]

QUARTER_MS = 15 * MS_PER_MINUTE


def block_at(blocks: Sequence[Block], at: int) -> Block | None:
    """The block in force at `at`: of blocks that overlap, the first given; None in a gap."""
    return next((block for block in blocks if block.start <= at < block.end), None)


def covers(blocks: Sequence[Block], begin: int, end: int) -> bool:
    """Whether any block is in force at some moment of [begin, end)."""
    return any(block.start < end and begin < block.end for block in blocks)


def gaps(blocks: Sequence[Block], begin: int, end: int) -> tuple[tuple[int, int], ...]:
    """The stretches of [begin, end) that no block covers, in order."""
    return tuple(
        _uncovered(sorted((block.start, block.end) for block in blocks if block.start < block.end), begin, end)
    )


def overlaps(blocks: Sequence[Block]) -> Iterator[tuple[int, int]]:
    """Pairs of places where two blocks speak of the same unit and phase at the same time; each block once at most."""
    reaching: dict[tuple[Unit, Phase], int] = {}
    for place in sorted(range(len(blocks)), key=lambda place: blocks[place].start):
        block = blocks[place]
        furthest = reaching.setdefault((block.unit, block.phase), place)
        if furthest != place and block.start < blocks[furthest].end:
            yield min(furthest, place), max(furthest, place)
        if block.end > blocks[furthest].end:
            reaching[block.unit, block.phase] = place


def shifted(blocks: Sequence[Block], by_ms: int) -> tuple[Block, ...]:
    """The same blocks so much later."""
    return tuple([replace(block, start=block.start + by_ms, end=block.end + by_ms) for block in blocks])


def mean_w(block: Block) -> int | None:
    """The block's capacity as mean power; None for amperes, which say nothing of power."""
    match block.unit:
        case Unit.W:
            return block.capacity_milli // 1_000
        case Unit.KW:
            return block.capacity_milli
        case Unit.WH | Unit.KWH if block.end > block.start:
            milli_wh = block.capacity_milli * (1_000 if block.unit is Unit.KWH else 1)
            return milli_wh * 3_600 // (block.end - block.start)
    return None


def next_quarter(at: int) -> int:
    """The first quarter of an hour (UTC) after `at`."""
    return at - at % QUARTER_MS + QUARTER_MS


def _uncovered(spans: Sequence[tuple[int, int]], begin: int, end: int) -> Iterator[tuple[int, int]]:
    covered_to = begin
    for start, stop in spans:
        if covered_to >= end:
            return
        if start > covered_to:
            yield covered_to, min(start, end)
        covered_to = max(covered_to, stop)
    if covered_to < end:
        yield covered_to, end
