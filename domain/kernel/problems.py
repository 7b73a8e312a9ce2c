"""Collecting faults while reading on, and saying in words what was found."""

from __future__ import annotations

from collections.abc import Iterable

from depot_sim.domain.kernel.errors import Fault, InvalidInput

LISTED = 200
_SHOWN = 60


class Faults:
    """Every fault of one input; only the first ones are kept, the rest are counted."""

    def __init__(self) -> None:
        self._listed: list[Fault] = []
        self._more = 0

    def add(self, pointer: str, found: str, expected: str) -> None:
        self.append(Fault(pointer, found, expected))

    def append(self, fault: Fault) -> None:
        if len(self._listed) < LISTED:
            self._listed.append(fault)
        else:
            self._more += 1

    def extend(self, faults: Iterable[Fault]) -> None:
        for fault in faults:
            self.append(fault)

    @property
    def full(self) -> bool:
        """Further faults are only counted."""
        return len(self._listed) >= LISTED

    def __bool__(self) -> bool:
        return bool(self._listed)

    def listed(self) -> list[Fault]:
        """The faults in the order found; the last one tells how many more there are."""
        if not self._more:
            return self._listed
        return [*self._listed, Fault("", f"{self._more} more faults", "the ones listed here mended first")]

    def raise_if_any(self) -> None:
        if self._listed:
            counted = len(self._listed) + self._more
            raise InvalidInput(self.listed(), "1 fault found" if counted == 1 else f"{counted} faults found")


def shown(value: object) -> str:
    """A found value in a few words: numbers and texts as written, the rest by kind."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case int() | float():
            return f"the number {_clipped(_number(value))}"
        case list() | tuple():
            return "an empty list" if not value else f"a list of {len(value)}"
        case dict():
            return "an object"
    return f"a value of type {type(value).__name__}"


def quoted(text: str) -> str:
    printable = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[: _SHOWN + 1])
    return f'"{_clipped(printable)}"'


def one_of(names: Iterable[str]) -> str:
    return f"one of {', '.join(names)}"


def _number(value: int | float) -> str:
    if isinstance(value, int) and value.bit_length() > 200:
        return "of more than 60 digits"
    return str(value)


def _clipped(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
