"""What one import may cost at most. Work is counted, not timed, so that an import ends alike on every machine."""

from __future__ import annotations

from typing import NamedTuple

from depot_sim.domain.kernel.errors import Fault, InvalidInput

MOST_VALUES = 500_000
"""Of one JSON or YAML document; a depot of 1,000 buses has 30,000."""


class ImportLimits(NamedTuple):
    """`bytes` are those of all tables, unpacked; `lines` and `values` are those of all tables of one source.

    `trips` count each run of a trip in frequencies.txt. `blocks` are vehicle blocks before they are put on buses;
    `comparisons` are the questions whether a bus can take a block, at most blocks times buses. `connectors` are those
    of all chargers of a circuit-centric definition.
    """

    bytes: int = 64 * 2**20
    lines: int = 500_000
    values: int = 8_000_000
    columns: int = 200
    trips: int = 100_000
    blocks: int = 20_000
    comparisons: int = 10_000_000
    connectors: int = 50_000


LIMITS = ImportLimits()


def check(pointer: str, count: int, limit: int, counted: str, fix: str) -> None:
    """Raises InvalidInput when `count` is more than `limit`. `counted` says of what, `fix` what to do about it."""
    if count > limit:
        raise InvalidInput([Fault(pointer, f"{count:,} {counted}", f"at most {limit:,} {counted}: {fix}")])
