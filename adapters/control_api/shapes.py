"""Words and shapes that several histories share."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from depot_sim.domain.kernel.masking import masked


class Order(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"


class Header(msgspec.Struct, frozen=True):
    name: str
    value: str


def headers_of(headers: Iterable[tuple[str, str]]) -> tuple[Header, ...]:
    """As answers show them; secrets in older logs are masked."""
    return tuple(Header(name, value) for name, value in masked(headers))
