"""A forecast as people write one: "500 until 10:00, gap 15m, 300 for 1h, 0 until 12:00".

Each step begins where the one before it ended. It is a capacity (in kW, unless W, kW or A follows), a `gap`, or `back`:
a step backwards, so that the next block overlaps or lies in the past. Times of day are UTC, and mean the next one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.oscp.vocabulary import Unit
from depot_sim.domain.oscp.wire.messages import Block
from depot_sim.domain.oscp.wire.quantities import milli
from depot_sim.domain.oscp.wire.times import MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE

POINTER = "/pattern"
MOST_STEPS = 1_000
LONGEST_STEP_MS = 7 * MS_PER_DAY

_STEP = 'a step such as "500 until 10:00", "0 for 1h30m", "gap 15m" or "back 15m"'
_END = 'a time of day after "until" (10:00), or a duration of at most 7 days after "for" (15m, 1h30m)'
_step = re.compile(
    r"(?:(?P<capacity>[0-9]{1,9}(?:\.[0-9]{1,3})?)\s*(?P<unit>kW|W|A)?\s+|(?P<move>gap|back)\s+)"
    r"(?:(?P<word>until|for)\s+)?(?P<end>[0-9][0-9a-z:]{0,9})",
    re.IGNORECASE,
).fullmatch
_time_of_day = re.compile(r"([01]?[0-9]|2[0-3]|24(?=:00)):([0-5][0-9])").fullmatch
_duration = re.compile(r"(?:([0-9]{1,3})h)?(?:([0-9]{1,5})m)?", re.IGNORECASE).fullmatch


def build(pattern: str, begin: int) -> tuple[Block, ...]:
    """The pattern's blocks, the first step beginning at `begin` (ms). Raises InvalidInput, a Fault per wrong step."""
    blocks: list[Block] = []
    faults: list[Fault] = []
    cursor = begin
    for column, text in _steps(pattern):
        step = _step(text)
        end = None if step is None else _end(step, cursor)
        if step is None or end is None:
            faults.append(Fault(POINTER, f'"{text[:60]}"', _STEP if step is None else _END, line=1, column=column))
            continue
        if step["capacity"] is not None:
            blocks.append(_block(step, cursor, end))
        cursor = end
    if not (blocks or faults):
        faults.append(Fault(POINTER, "no block", _STEP, line=1, column=1))
    if faults:
        raise InvalidInput(faults)
    return tuple(blocks)


def _steps(pattern: str) -> Iterator[tuple[int, str]]:
    """The steps, each with the column it begins in."""
    if pattern.count(",") >= MOST_STEPS:
        raise InvalidInput([Fault(POINTER, f"{pattern.count(',') + 1} steps", f"at most {MOST_STEPS}")])
    column = 1
    for part in pattern.split(","):
        yield column + len(part) - len(part.lstrip()), part.strip()
        column += len(part) + 1


def _end(step: re.Match[str], cursor: int) -> int | None:
    """Where the step leads to from `cursor`."""
    word, back = (step["word"] or "").lower(), (step["move"] or "").lower() == "back"
    if word == "until":
        return None if back else _next_time_of_day(step["end"], cursor)
    if word == "" and step["move"] is None:
        return None
    length = _length(step["end"])
    if length is None:
        return None
    return cursor - length if back else cursor + length


def _next_time_of_day(text: str, cursor: int) -> int | None:
    found = _time_of_day(text)
    if found is None:
        return None
    at = cursor - cursor % MS_PER_DAY + int(found[1]) * MS_PER_HOUR + int(found[2]) * MS_PER_MINUTE
    return at if at > cursor else at + MS_PER_DAY


def _length(text: str) -> int | None:
    found = _duration(text)
    if found is None:
        return None
    length = int(found[1] or 0) * MS_PER_HOUR + int(found[2] or 0) * MS_PER_MINUTE
    return length if 0 < length <= LONGEST_STEP_MS else None


def _block(step: re.Match[str], start: int, end: int) -> Block:
    capacity = milli(Decimal(step["capacity"]))
    assert capacity is not None
    return Block(start, end, capacity, Unit((step["unit"] or "KW").upper()))
