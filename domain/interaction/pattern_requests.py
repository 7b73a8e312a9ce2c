"""Reading patterns as the control API takes them, with every fault at its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from depot_sim.domain.interaction.family import Family, nearest_names
from depot_sim.domain.interaction.matching import Check, Condition
from depot_sim.domain.interaction.message import Direction
from depot_sim.domain.interaction.pointers import is_pointer
from depot_sim.domain.kernel.errors import Fault
from depot_sim.domain.kernel.pointer import child
from depot_sim.domain.kernel.problems import one_of, quoted, shown
from depot_sim.domain.kernel.reading import Reading

MOST_CONDITIONS = 20
_LONGEST_HEADER = 100
_HEADER = 'a header\'s name such as "X-Segment-Index"'
_encode = msgspec.json.encode


class PatternRequest(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`where` is a list of `{"pointer": "/type", "equals": "CONSUMPTION"}`, or with "header" for "pointer".

    Beside equals: differs, one_of, at_least, at_most, contains, present. A message type may be written as in paths.
    """

    direction: Direction | None = None
    message_types: tuple[str, ...] = ()
    correlation_id: str | None = None
    where: tuple[dict[str, Any], ...] = ()


class PatternReader:
    """Turns requests into parts of patterns; `faults` gathers what is wrong."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.faults: list[Fault] = []

    def fault(self, pointer: str, found: str, expected: str) -> None:
        self.faults.append(Fault(pointer, found, expected))

    def message_types(self, written: Iterable[str], pointer: str) -> tuple[str, ...]:
        known = []
        for place, name in enumerate(written):
            message_type = self.family.message_type(name)
            if message_type is None:
                expected = nearest_names(name, self.family.message_types)
                self.fault(child(pointer, place), f"the message type {quoted(name)}", expected)
            else:
                known.append(message_type)
        return tuple(known)

    def check_one_way(self, written: Iterable[str], pointer: str, direction: Direction | None) -> None:
        """A message that goes in one direction only never comes in the other."""
        for place, name in enumerate(written):
            only = self.family.one_way.get(self.family.message_type(name) or "")
            if direction is not None and only is not None and only is not direction:
                found = f"{quoted(name)}, which is always {only.value}"
                self.fault(child(pointer, place), found, f"a message type that is {direction.value}")

    def conditions(self, written: tuple[dict[str, Any], ...], pointer: str) -> tuple[Condition, ...]:
        if len(written) > MOST_CONDITIONS:
            self.fault(pointer, f"{len(written)} conditions", f"at most {MOST_CONDITIONS}")
            return ()
        read = (self._condition(one, child(pointer, place)) for place, one in enumerate(written))
        return tuple(condition for condition in read if condition is not None)

    def _condition(self, written: Mapping[str, Any], at: str) -> Condition | None:
        places = [name for name in ("pointer", "header") if name in written]
        checks = [Check(name) for name in written if name in _CHECKS]
        if len(places) != 1 or len(checks) != 1 or len(written) != 2:
            found = ", ".join(map(quoted, written)) or "an empty object"
            self.fault(at, found, f'"pointer" or "header", and {one_of(_CHECKS)}')
            return None
        place, check = places[0], checks[0]
        sound = self._place(place, written[place], child(at, place))
        sound = self._operand(check, written[check.value], place, child(at, check.value)) and sound
        if not sound:
            return None
        return Condition(check, msgspec.Raw(_encode(written[check.value])), **{place: written[place]})

    def _place(self, kind: str, value: object, at: str) -> bool:
        if kind == "pointer" and not (isinstance(value, str) and is_pointer(value)):
            self.fault(at, shown(value), 'a JSON pointer such as "/measurements/0/value", or "" for the whole body')
            return False
        if kind == "header" and (expected := self._expected_header(value)):
            self.fault(at, shown(value), expected)
            return False
        return True

    def _expected_header(self, name: object) -> str:
        """What would do instead of this name, or "" when it does."""
        known = self.family.pseudo_headers
        if not (isinstance(name, str) and 0 < len(name) <= _LONGEST_HEADER):
            return _HEADER
        if not name.startswith(":") or name.casefold() in known:
            return ""
        return nearest_names(name, known) if known else _HEADER

    def _operand(self, check: Check, operand: object, place: str, at: str) -> bool:
        expected = _expected_operand(check, operand, place)
        if expected:
            self.fault(at, shown(operand), expected)
        return not expected


_CHECKS = tuple(check.value for check in Check)


def _expected_operand(check: Check, operand: object, place: str) -> str:
    """What would do instead of this operand, or "" when it does."""
    is_ordered = isinstance(operand, str | int | float) and not isinstance(operand, bool)
    match check:
        case Check.PRESENT:
            return "" if isinstance(operand, bool) else "true or false"
        case Check.ONE_OF if not (isinstance(operand, list) and operand):
            return "a list of values"
        case Check.AT_LEAST | Check.AT_MOST if not is_ordered:
            return "a number or a text"
    texts = operand if isinstance(operand, list) else [operand]
    return "" if place == "pointer" or all(isinstance(text, str) for text in texts) else "text, as headers are"


def raise_faults(reading: Reading[Any], faults: Iterable[Fault]) -> None:
    """Raise InvalidInput with the structural faults and these, if any; what was mended is not judged twice."""
    reading.faults.extend(fault for fault in faults if not _concerns_mended(fault.pointer, reading.mended))
    reading.faults.raise_if_any()


def _concerns_mended(pointer: str, mended: Iterable[str]) -> bool:
    return any(f"{pointer}/".startswith(f"{place}/") or f"{place}/".startswith(f"{pointer}/") for place in mended)
