"""Free-form JSON inside a document (preset settings): any shape, but bounded and writable as JSON again."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from depot_sim.domain.kernel.pointer import child
from depot_sim.domain.kernel.problems import Faults, shown

DEEPEST = 32
MOST_VALUES = 100_000
LONGEST_TEXT = 10_000
LARGEST_INTEGER = 2**53
UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def text_fault(text: str) -> str:
    """What would do instead of `text`, or "" when it can be kept as it is."""
    if len(text) > LONGEST_TEXT:
        return f"at most {LONGEST_TEXT:,} characters"
    return "text without control characters or halves of surrogate pairs" if UNWRITABLE.search(text) else ""


def number_fault(number: int | float) -> str:
    if isinstance(number, int):
        return integer_fault(number)
    return "" if math.isfinite(number) else "a finite number"


def integer_fault(number: int) -> str:
    return f"a whole number within ±{LARGEST_INTEGER}" if abs(number) > LARGEST_INTEGER else ""


class FreeformReader:
    """Copies values, reporting what JSON cannot hold; one budget of values for a whole document."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._left = MOST_VALUES
        self._sound = True

    def read(self, value: object, pointer: str) -> tuple[Any, bool]:
        """The value, and whether all of it was fine."""
        self._sound = True
        copied = self._copy(value, pointer, 0)
        return copied, self._sound

    def _copy(self, value: object, at: str, depth: int) -> Any:
        if not self._affordable(value, at, depth):
            return None
        match value:
            case dict():
                return {name: self._copy(held, child(at, name), depth + 1) for name, held in self._members(value, at)}
            case list() | tuple():
                return [self._copy(held, child(at, index), depth + 1) for index, held in enumerate(value)]
        if wrong := _scalar_fault(value):
            self._refuse(at, shown(value), wrong)
        return value

    def _affordable(self, value: object, at: str, depth: int) -> bool:
        self._left -= 1
        if self._left == 0:
            self._refuse(at, "one value too many", f"at most {MOST_VALUES:,} values in free-form settings")
        if depth > DEEPEST:
            self._refuse(at, f"{shown(value)} {depth} levels deep", f"at most {DEEPEST} levels")
        return self._left > 0 and depth <= DEEPEST

    def _members(self, value: Mapping[Any, object], at: str) -> Iterator[tuple[str, object]]:
        for name, held in value.items():
            wrong = text_fault(name) if isinstance(name, str) else "a text"
            if wrong:
                self._refuse(at, f"the field name {shown(name)}", wrong)
            else:
                yield name, held

    def _refuse(self, at: str, found: str, expected: str) -> None:
        self._sound = False
        self._faults.add(at, found, expected)


def _scalar_fault(value: object) -> str:
    match value:
        case None | bool():
            return ""
        case str():
            return text_fault(value)
        case int() | float():
            return number_fault(value)
    return "null, true, false, a number, a text, a list or an object"
