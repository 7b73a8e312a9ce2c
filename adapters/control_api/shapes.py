"""Words and shapes that several histories share."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Order(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"


class Header(msgspec.Struct, frozen=True):
    name: str
    value: str
