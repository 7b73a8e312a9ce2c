"""Overrides and expectations as a server tells them, as far as people see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import msgspec


class OverrideLine(msgspec.Struct):
    """What people see of an override."""

    override_id: str
    mode: str
    effect: msgspec.Raw
    until: str
    seen: int
    hits: int


class ModeLine(msgspec.Struct):
    name: str
    sentence: str


class Miss(msgspec.Struct):
    """A field of a message that came near."""

    field: str
    matched: bool
    found: str
    expected: str


class NearLine(msgspec.Struct):
    entry_id: str
    fields: list[Miss]


class Nearest(msgspec.Struct):
    nearest: list[NearLine]


class ExpectationLine(msgspec.Struct):
    """What people see of an expectation."""

    expectation_id: str
    verdict: str
    title: str
    deadline: str
    reason: str
    counts: list[int]
    nearest: list[NearLine]


class Overrides(msgspec.Struct):
    """Each as the server's JSON, for programs, to be read as a line for people."""

    overrides: list[msgspec.Raw]


class Changed(msgspec.Struct):
    override_state: str
    override_ids: list[str]
    warnings: list[str] = []


class Modes(msgspec.Struct):
    override_modes: list[msgspec.Raw]


class Expectations(msgspec.Struct):
    expectations: list[msgspec.Raw]


class _Compared(Protocol):
    @property
    def field(self) -> str: ...
    @property
    def matched(self) -> bool: ...
    @property
    def found(self) -> str: ...
    @property
    def expected(self) -> str: ...


class _Near(Protocol):
    @property
    def entry_id(self) -> str: ...
    @property
    def fields(self) -> Sequence[_Compared]: ...


def near_lines(nearest: Iterable[_Near]) -> Iterator[str]:
    """A line for each field in which a message differs from the one that is meant."""
    for near in nearest:
        differing = [field for field in near.fields if not field.matched]
        for field in differing:
            yield f"nearest   {near.entry_id}: {field.field}: found {field.found}; expected {field.expected}"
        if not differing:
            yield f"nearest   {near.entry_id}: it is such a message"
