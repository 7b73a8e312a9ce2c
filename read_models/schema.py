"""How a read model says what its tables look like, without saying in which database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Type(Enum):
    """INTEGER has 64 bits and a sign. TEXT compares by its bytes."""

    INTEGER = "INTEGER"
    TEXT = "TEXT"


@dataclass(frozen=True, eq=False)
class Table:
    """No column is ever NULL. `key` is unique, and rows are stored in its order where the database can.

    Rows of an `append_only` table are inserted and never replaced, so that a rebuild may write them in bulk.
    """

    name: str
    columns: Mapping[str, Type]
    key: tuple[str, ...]
    indices: tuple[tuple[str, ...], ...] = ()
    append_only: bool = False


@dataclass(frozen=True, eq=False)
class ReadModel:
    """Tables that one projector fills. `version` grows whenever the tables or what goes into them change."""

    name: str
    version: int
    tables: tuple[Table, ...]
