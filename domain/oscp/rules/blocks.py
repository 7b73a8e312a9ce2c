"""What holds for the blocks of every message that carries some."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.forecast import overlaps
from depot_sim.domain.oscp.rules.context import Case
from depot_sim.domain.oscp.wire.messages import Block, CapacityForecast, ComplianceError
from depot_sim.domain.oscp.wire.times import format_instant

BLOCKS = "/forecasted_blocks"


def blocks_of(case: Case) -> Sequence[Block]:
    message = case.message
    return message.blocks if isinstance(message, CapacityForecast | ComplianceError) else ()


def forwards(case: Case) -> Iterator[Finding]:
    for place, block in enumerate(blocks_of(case)):
        if block.end <= block.start:
            expected = f"an instant after {format_instant(block.start)}"
            pointer = f"{BLOCKS}/{place}/end_time"
            yield Finding("block.ends-before-it-starts", Kind.SEMANTICS, format_instant(block.end), expected, pointer)


def apart(case: Case) -> Iterator[Finding]:
    for one, other in overlaps(blocks_of(case)):
        expected = f"a time that {BLOCKS}/{one} does not cover"
        yield Finding("block.overlap", Kind.SEMANTICS, "an overlapping block", expected, f"{BLOCKS}/{other}")
