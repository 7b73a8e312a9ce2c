"""Patterns of messages: which one is meant, and field by field why another is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from depot_sim.domain.interaction.message import NOTHING, Direction, ObservedMessage, decode_json
from depot_sim.domain.interaction.pointers import resolve

_LONGEST_SHOWN = 200
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Check(StrEnum):
    """How a found value is held against an operand. Texts are compared as texts, numbers exactly."""

    EQUALS = "equals"
    DIFFERS = "differs"
    ONE_OF = "one_of"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    CONTAINS = "contains"
    PRESENT = "present"


class Condition(msgspec.Struct, frozen=True, omit_defaults=True):
    """One check of a place: a JSON pointer into the body, or a header's name. `operand` is JSON.

    Only `present: false` holds where nothing is found.
    """

    check: Check
    operand: msgspec.Raw
    pointer: str | None = None
    header: str | None = None

    @property
    def place(self) -> str:
        """As people read it: `body/type`, `header X-Segment-Index`."""
        return f"header {self.header}" if self.header is not None else f"body{self.pointer}"

    @property
    def expected(self) -> str:
        return _IN_WORDS[self.check](_clipped(bytes(self.operand).decode()))

    def found(self, exchange: ObservedMessage) -> Any:
        if self.header is not None:
            return exchange.header(self.header)
        return resolve(exchange.body, self.pointer or "")

    def holds(self, exchange: ObservedMessage) -> bool:
        return _CHECKS[self.check](self.found(exchange), decode_json(bytes(self.operand)))


class Pattern(msgspec.Struct, frozen=True, omit_defaults=True):
    """Messages of a direction and of one of some types (empty: of any), correlated so, meeting every condition."""

    direction: Direction | None = None
    message_types: tuple[str, ...] = ()
    correlation_id: str | None = None
    where: tuple[Condition, ...] = ()

    def matches(self, exchange: ObservedMessage) -> bool:
        if self.direction is not None and self.direction != exchange.direction:
            return False
        if self.message_types and exchange.message_type not in self.message_types:
            return False
        if self.correlation_id is not None and self.correlation_id != exchange.correlation_id:
            return False
        return not self.where or all(condition.holds(exchange) for condition in self.where)


class FieldComparison(msgspec.Struct, frozen=True):
    """One field of a message beside what was asked of it, both in words."""

    field: str
    matched: bool
    found: str
    expected: str


def compare(pattern: Pattern, exchange: ObservedMessage) -> Iterator[FieldComparison]:
    """Every field `pattern` says something about; it matches when all of them do."""
    if pattern.direction is not None:
        matched = pattern.direction == exchange.direction
        yield FieldComparison("direction", matched, exchange.direction, pattern.direction.value)
    if pattern.message_types:
        matched = exchange.message_type in pattern.message_types
        yield FieldComparison("message_type", matched, exchange.message_type, " or ".join(pattern.message_types))
    if pattern.correlation_id is not None:
        matched = pattern.correlation_id == exchange.correlation_id
        found = exchange.correlation_id or "nothing"
        yield FieldComparison("correlation_id", matched, found, pattern.correlation_id or "nothing")
    for condition in pattern.where:
        found = _shown(condition.found(exchange))
        yield FieldComparison(condition.place, condition.holds(exchange), found, condition.expected)


def same(a: Any, b: Any) -> bool:
    """Equal as JSON: 1 is 1.0, but true is not 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    return bool(a == b)


def _contains(found: Any, operand: Any) -> bool:
    if isinstance(found, str):
        return isinstance(operand, str) and operand in found
    return isinstance(found, list) and any(same(held, operand) for held in found)


def _ordered(found: Any, operand: Any) -> bool:
    """Two texts or two numbers; anything else has no order."""
    if isinstance(found, bool) or isinstance(operand, bool):
        return False
    numbers = isinstance(found, int | Decimal) and isinstance(operand, int | Decimal)
    return numbers or (isinstance(found, str) and isinstance(operand, str))


_CHECKS: Mapping[Check, Callable[[Any, Any], bool]] = {
    Check.EQUALS: same,
    Check.DIFFERS: lambda found, operand: found is not NOTHING and not same(found, operand),
    Check.ONE_OF: lambda found, operand: any(same(found, one) for one in operand),
    Check.AT_LEAST: lambda found, operand: _ordered(found, operand) and found >= operand,
    Check.AT_MOST: lambda found, operand: _ordered(found, operand) and found <= operand,
    Check.CONTAINS: _contains,
    Check.PRESENT: lambda found, operand: (found is not NOTHING) is operand,
}

_IN_WORDS: Mapping[Check, Callable[[str], str]] = {
    Check.EQUALS: lambda operand: operand,
    Check.DIFFERS: lambda operand: f"anything but {operand}",
    Check.ONE_OF: lambda operand: f"one of {operand}",
    Check.AT_LEAST: lambda operand: f"at least {operand}",
    Check.AT_MOST: lambda operand: f"at most {operand}",
    Check.CONTAINS: lambda operand: f"something that contains {operand}",
    Check.PRESENT: lambda operand: "something" if operand == "true" else "nothing",
}


def _shown(found: Any) -> str:
    return "nothing" if found is NOTHING else _clipped(_encode(found).decode())


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
