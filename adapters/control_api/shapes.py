"""Words and shapes that several histories share."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class Order(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"


class Header(msgspec.Struct, frozen=True):
    name: str
    value: str


def headers_of(headers: Iterable[tuple[str, str]]) -> tuple[Header, ...]:
    """As answers show them."""
    return tuple(Header(name, value) for name, value in headers)
