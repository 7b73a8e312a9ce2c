"""Interventions as packets and messages name them, for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec


class NamedIntervention(msgspec.Struct):
    """`id` stays resolvable after its end."""

    id: str
    name: str


def named(found: Iterable[NamedIntervention]) -> str:
    """As a list of names with ids."""
    return ", ".join(f"{one.name} ({one.id})" if one.name != one.id else one.id for one in found)


def told(changed_by: list[NamedIntervention], matched_by: list[NamedIntervention]) -> Iterator[str]:
    """Lines about a packet or a message."""
    if changed_by:
        yield f"changed   by {named(changed_by)}"
    if matched_by:
        yield f"matched   by {named(matched_by)}, which changed nothing"
