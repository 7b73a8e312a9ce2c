"""JSON files of a profile: numbers as they are written, fields in their order, faults with line and column."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from depot_sim.domain.kernel.errors import Fault
from depot_sim.domain.kernel.problems import Faults, quoted, shown

DEEPEST = 16


class Number(str):
    """A number's own text: nothing is lost by reading it."""

    __slots__ = ()


class Members(msgspec.Struct, frozen=True):
    """An object's members in their order."""

    pairs: tuple[tuple[str, JsonValue], ...]


JsonValue: TypeAlias = "bool | str | Number | Members | list[JsonValue] | None"


def read_json(file: str, text: str, faults: Faults) -> JsonValue:
    """What `text` holds; None and a fault when it is no JSON or too deep."""
    try:
        value = json.loads(
            text, parse_int=Number, parse_float=Number, parse_constant=_refuse, object_pairs_hook=_members
        )
    except json.JSONDecodeError as wrong:
        faults.append(Fault(file, f"malformed JSON ({wrong.msg})", "JSON", wrong.lineno, wrong.colno))
    except (RecursionError, ValueError) as wrong:
        faults.add(file, str(wrong), f"JSON, at most {DEEPEST} levels deep")
    else:
        if _depth(value) <= DEEPEST:
            return _checked(file, text, value, faults)
        faults.add(file, f"more than {DEEPEST} levels", f"at most {DEEPEST}")
    return None


def read_object(file: str, text: str, faults: Faults) -> dict[str, JsonValue] | None:
    """The fields of the object in `text`."""
    before = bool(faults)
    value = read_json(file, text, faults)
    if isinstance(value, Members):
        return dict(value.pairs)
    if bool(faults) == before:
        faults.add(file, found_in(value), "an object")
    return None


def placed(file: str, text: str, written: str, found: str, expected: str, pointer: str = "") -> Fault:
    """A fault at the first place where `written` stands in `text`."""
    at = text.find(written)
    line = text.count("\n", 0, at) + 1 if at >= 0 else 0
    column = at - text.rfind("\n", 0, at) if at >= 0 else 0
    return Fault(pointer or file, found, expected, line, column)


def found_in(value: JsonValue) -> str:
    """A value in a few words."""
    match value:
        case Number():
            return f"the number {value}"
        case Members():
            return "an object"
    return shown(value)


def _members(pairs: Sequence[tuple[str, JsonValue]]) -> Members:
    return Members(tuple(pairs))


def _refuse(constant: str) -> JsonValue:
    raise ValueError(constant)


def _depth(value: JsonValue) -> int:
    match value:
        case Members(pairs=pairs):
            return 1 + max((_depth(held) for _, held in pairs), default=0)
        case list():
            return 1 + max((_depth(held) for held in value), default=0)
    return 0


def _checked(file: str, text: str, value: JsonValue, faults: Faults) -> JsonValue:
    """`value`, with a fault for each field named twice."""
    match value:
        case Members(pairs=pairs):
            names = [name for name, _ in pairs]
            for name in dict.fromkeys(name for place, name in enumerate(names) if name in names[:place]):
                written = json.dumps(name, ensure_ascii=False)
                faults.append(placed(file, text, written, f"the field {quoted(name)} twice", "each field once"))
            for _, held in pairs:
                _checked(file, text, held, faults)
        case list():
            for held in value:
                _checked(file, text, held, faults)
    return value
