"""Single values of a body, read as far as they can be understood; every fault and every deviation is noted."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, Final

from depot_sim.domain.oscp.wire.notes import Notes
from depot_sim.domain.oscp.wire.quantities import LARGEST, exact, milli
from depot_sim.domain.oscp.wire.shown import shown
from depot_sim.domain.oscp.wire.strict import LONGEST_INTERVAL_MS, SHORTEST_INTERVAL_MS
from depot_sim.domain.oscp.wire.times import parse_instant


class Unreadable(Enum):
    """Stands for a value that could not be read; why is noted."""

    UNREADABLE = "unreadable"


UNREADABLE: Final = Unreadable.UNREADABLE

Reader = Callable[[Notes, object, str], Any]
"""(notes, JSON value, its pointer) to a value in normal form, or UNREADABLE."""

_is_number = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?").fullmatch


def text(notes: Notes, value: object, pointer: str) -> str | Unreadable:
    if isinstance(value, str):
        return value
    notes.fault("schema.type", pointer, shown(value), "a string")
    return UNREADABLE


def secret(notes: Notes, value: object, pointer: str) -> str | Unreadable:
    """A text that no finding may repeat."""
    if isinstance(value, str):
        return value
    notes.fault("schema.type", pointer, "something else", "a string")
    return UNREADABLE


def instant(notes: Notes, value: object, pointer: str) -> int | Unreadable:
    """In ms since 1970 UTC."""
    read = parse_instant(value) if isinstance(value, str) else None
    if read is None:
        notes.fault("schema.instant", pointer, shown(value), "a time such as 2026-04-02T10:00:00.000Z")
        return UNREADABLE
    at, deviations = read
    for name in deviations:
        notes.deviation(name, pointer, shown(value))
    return at


def number(notes: Notes, value: object, pointer: str) -> int | Unreadable:
    """In thousandths."""
    given = value
    if isinstance(given, str) and _is_number(given):
        notes.deviation("number-as-string", pointer, shown(value))
        given = exact(given)
    if isinstance(given, bool) or not isinstance(given, int | Decimal):
        notes.fault("schema.type", pointer, shown(value), "a number")
        return UNREADABLE
    thousandths = milli(given)
    if thousandths is None:
        notes.fault("schema.too-large", pointer, shown(value), f"a number of {LARGEST} at most, either side of zero")
        return UNREADABLE
    return thousandths


def capacity(notes: Notes, value: object, pointer: str) -> int | Unreadable:
    thousandths = number(notes, value, pointer)
    if thousandths is not UNREADABLE and thousandths < 0:
        notes.fault("schema.minimum", pointer, shown(value), "a capacity of 0 or more")
        return UNREADABLE
    return thousandths


def interval(notes: Notes, value: object, pointer: str) -> int | Unreadable | None:
    """Seconds, read to ms; None when no heartbeats are wanted."""
    ms = number(notes, value, pointer)
    if ms is UNREADABLE:
        return UNREADABLE
    if ms == 0:
        notes.deviation("zero-interval", pointer, shown(value))
        return None
    if not SHORTEST_INTERVAL_MS <= ms <= LONGEST_INTERVAL_MS:
        expected = f"{SHORTEST_INTERVAL_MS // 1_000} to {LONGEST_INTERVAL_MS // 1_000} seconds"
        notes.fault("schema.interval", pointer, shown(value), expected)
        return UNREADABLE
    if ms % 1_000:
        notes.deviation("fractional-interval", pointer, shown(value))
    return ms


def one_of(words: type[StrEnum], *only: StrEnum) -> Reader:
    """A reader of one of the enum's words, or of `only` some of them."""
    known = {word.value: word for word in only or words}
    expected = "one of " + ", ".join(sorted(known))

    def read(notes: Notes, value: object, pointer: str) -> StrEnum | Unreadable:
        if isinstance(value, str) and value in known:
            return known[value]
        if isinstance(value, str) and value.upper() in known:
            notes.deviation("enum-case", pointer, shown(value))
            return known[value.upper()]
        notes.fault("schema.enum", pointer, shown(value), expected)
        return UNREADABLE

    return read
