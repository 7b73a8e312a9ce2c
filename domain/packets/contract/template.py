"""Envelope templates: JSON in which {placeholders} stand for what a packet and its measurements hold.

A list whose one element mentions a measurement is repeated for every measurement, and so is a member whose name does;
the innermost that holds all of it counts. A member whose name ends with "?" is left out when its value is empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import TypeAlias, TypeGuard

import msgspec

from depot_sim.domain.kernel.problems import Faults, one_of
from depot_sim.domain.packets.contract.json_files import JsonValue, Members, Number, placed, read_json

OF_PACKET = ("type", "packet_id", "seq", "site_id", "scope_id", "device_id", "device_type", "sent_at", "profile")
OF_MEASUREMENT = ("key", "value", "unit", "at", "quality")
_ALL = (*OF_PACKET, *OF_MEASUREMENT)
_REPEATED = "a list of one element, or a member named after the {key}, around the measurement's placeholders"
_NAMED = re.compile(r"\{([^{}]*)\}")
_encode = msgspec.json.Encoder().encode


class Literal(msgspec.Struct, frozen=True):
    """JSON as it stands."""

    json: str


class Slot(msgspec.Struct, frozen=True):
    """A whole value."""

    name: str


class Text(msgspec.Struct, frozen=True):
    """A string with placeholders inside; its literal parts are escaped already."""

    parts: tuple[str | Slot, ...]


class Member(msgspec.Struct, frozen=True):
    """`repeated` for every measurement, `optional` when it is left out if empty."""

    name: Text
    value: Node
    optional: bool = False
    repeated: bool = False


class Object(msgspec.Struct, frozen=True):
    members: tuple[Member, ...]


class Array(msgspec.Struct, frozen=True):
    elements: tuple[Node, ...]


class Each(msgspec.Struct, frozen=True):
    """A list with one such element for every measurement."""

    element: Node


Node: TypeAlias = Literal | Slot | Text | Object | Array | Each


def slots_in(node: Node | Member) -> Iterator[str]:
    """Every placeholder, as often as it is there."""
    if isinstance(node, Slot):
        yield node.name
    for inner in _inside(node):
        yield from slots_in(inner)


def repeats_in(node: Node | Member) -> Iterator[Each | Member]:
    """What is repeated for every measurement."""
    if _is_repeated(node):
        yield node
    for inner in _inside(node):
        yield from repeats_in(inner)


def read_template(file: str, text: str, faults: Faults, needed: Iterable[str] = ("key", "value")) -> Node | None:
    """The template in `text`; None after a fault. `needed` has to be in it somewhere."""
    own = Faults()
    value = read_json(file, text, own)
    if own:
        faults.extend(own.listed())
        return None
    reader = _Reader(file, text, own)
    node = reader.node(value)
    reader.check(node, needed)
    faults.extend(own.listed())
    return None if own else node


def read_text(file: str, pointer: str, text: str, written: str, faults: Faults) -> Text:
    """A string outside the envelope, such as a path, with placeholders of the packet."""
    return _Reader(file, text, faults, pointer).text(written, OF_PACKET)


def _inside(node: Node | Member) -> Iterator[Node | Member]:
    match node:
        case Text(parts=parts):
            yield from (part for part in parts if isinstance(part, Slot))
        case Member(name=name, value=value):
            yield from (name, value)
        case Object(members=inner) | Array(elements=inner):
            yield from inner
        case Each(element=element):
            yield element


def _is_repeated(node: Node | Member) -> TypeGuard[Each | Member]:
    return isinstance(node, Each) or (isinstance(node, Member) and node.repeated)


def _loose(node: Node | Member) -> Iterator[str]:
    """Placeholders of a measurement that nothing repeats."""
    if isinstance(node, Slot) and node.name in OF_MEASUREMENT:
        yield node.name
    for inner in _inside(node):
        if not _is_repeated(inner):
            yield from _loose(inner)


def _held(element: Node) -> Node:
    """The element of a list that is repeated: its own members named after the key are repeated with it."""
    if not isinstance(element, Object):
        return element
    return Object(tuple(msgspec.structs.replace(member, repeated=False) for member in element.members))


class _Reader:
    def __init__(self, file: str, text: str, faults: Faults, pointer: str = "") -> None:
        self._file = file
        self._text = text
        self._faults = faults
        self._pointer = pointer

    def node(self, value: JsonValue) -> Node:
        match value:
            case Number():
                return Literal(value)
            case str():
                return self._string(value)
            case Members(pairs=pairs):
                return Object(tuple(self._member(name, held) for name, held in pairs))
            case list():
                return self._list([self.node(element) for element in value])
        return Literal(_encode(value).decode())

    def text(self, written: str, allowed: Iterable[str]) -> Text:
        """A string whose placeholders are within other text."""
        parts: list[str | Slot] = []
        for place, part in enumerate(_NAMED.split(written)):
            if place % 2 == 0:
                parts.append(_encode(part).decode()[1:-1])
            elif self._is_known(part, allowed):
                parts.append(Slot(part))
        return Text(tuple(part for part in parts if part != ""))

    def check(self, node: Node, needed: Iterable[str]) -> None:
        """Placeholders of a measurement stand in one repetition, and the needed ones are there."""
        for name in dict.fromkeys(_loose(node)):
            self._refuse(f"{{{name}}}", f"{{{name}}} where nothing is repeated", _REPEATED)
        for repeat in repeats_in(node):
            if any(inner is not repeat for inner in repeats_in(repeat)):
                self._faults.add(self._file, "a repetition within another", _REPEATED)
        for name in sorted(set(needed) - set(slots_in(node))):
            self._faults.add(self._file, f"no {{{name}}}", f"{{{name}}} in what is repeated: {_REPEATED}")

    def _string(self, written: str) -> Node:
        whole = _NAMED.fullmatch(written)
        if whole is None:
            return self.text(written, [name for name in _ALL if name != "value"])
        return Slot(whole[1]) if self._is_known(whole[1], _ALL) else Literal("null")

    def _member(self, written: str, value: JsonValue) -> Member:
        name = self.text(written.removesuffix("?"), [*OF_PACKET, "key", "unit", "quality"])
        return Member(name, self.node(value), written.endswith("?"), any(_loose(name)))

    def _list(self, elements: list[Node]) -> Node:
        if len(elements) == 1 and any(_loose(elements[0])):
            return Each(_held(elements[0]))
        return Array(tuple(elements))

    def _is_known(self, name: str, allowed: Iterable[str]) -> bool:
        allowed = tuple(allowed)
        if name not in allowed:
            near = get_close_matches(name[:100], allowed, n=2)
            named = [f"{{{one}}}" for one in near or allowed]
            expected = " or ".join(named) if near else one_of(named)
            self._refuse(f"{{{name}}}", f"the placeholder {{{name}}}", expected)
        return name in allowed

    def _refuse(self, written: str, found: str, expected: str) -> None:
        self._faults.append(placed(self._file, self._text, written, found, expected, self._pointer))
