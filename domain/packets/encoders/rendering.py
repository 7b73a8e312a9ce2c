"""A template filled: the plain way, which says what every encoding has to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from depot_sim.domain.packets.contract.template import Array, Each, Literal, Member, Node, Object, Slot, Text

Filling: TypeAlias = Mapping[str, str]
"""JSON by placeholder. Only `at` may be "": the time of measuring is that of sending."""

_EMPTY = ('""', "null", "[]", "{}")


def render(node: Node, packet: Filling, measurements: Sequence[Filling] = ()) -> str:
    """The template's JSON. A measurement's filling has the packet's as well."""
    return _Rendering(measurements).json(node, packet)


def render_member(member: Member, filling: Filling) -> str:
    """One `"name":value`; "" when it is left out."""
    return _Rendering(()).member(member, filling)


def render_text(text: Text, filling: Filling) -> str:
    """The string's characters, without quotes and as JSON escapes them."""
    return "".join(part if isinstance(part, str) else _unquoted(filling[part.name]) for part in text.parts)


def _unquoted(json: str) -> str:
    return json[1:-1] if json.startswith('"') else json


class _Rendering:
    def __init__(self, measurements: Sequence[Filling]) -> None:
        self._measurements = measurements

    def json(self, node: Node, filling: Filling) -> str:
        match node:
            case Literal(json=json):
                return json
            case Slot(name=name):
                return filling[name] or filling["sent_at"]
            case Text():
                return f'"{render_text(node, filling)}"'
            case Object(members=members):
                return "{" + ",".join(self._members(members, filling)) + "}"
            case Array(elements=elements):
                return "[" + ",".join(self.json(element, filling) for element in elements) + "]"
            case Each(element=element):
                return "[" + ",".join(self.json(element, one) for one in self._measurements) + "]"

    def member(self, member: Member, filling: Filling) -> str:
        value = self._optional(member.value, filling) if member.optional else self.json(member.value, filling)
        return f'"{render_text(member.name, filling)}":{value}' if value else ""

    def _members(self, members: Sequence[Member], filling: Filling) -> Iterator[str]:
        for member in members:
            for one in self._measurements if member.repeated else (filling,):
                if said := self.member(member, one):
                    yield said

    def _optional(self, node: Node, filling: Filling) -> str:
        if isinstance(node, Slot):
            return _said(filling[node.name])
        return _said(self.json(node, filling))


def _said(json: str) -> str:
    return "" if json in _EMPTY else json
