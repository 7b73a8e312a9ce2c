"""A small read model that the read store's tests share."""

from __future__ import annotations

from typing import Any

from depot_sim.read_models.schema import ReadModel, Table, Type
from depot_sim.read_models.store import Build, Mark

NAMES = Table("sample_names", {"name": Type.TEXT, "number": Type.INTEGER}, key=("name",), indices=(("number",),))
FACTS = Table("sample_facts", {"at": Type.INTEGER, "value": Type.INTEGER}, key=("at",), append_only=True)
MODEL = ReadModel("sample", 1, (NAMES, FACTS))


def advance(build: Build, position: int, to: int, *, names: dict[str, int] | None = None, facts: int = 0) -> None:
    """One transaction: names replaced or added, and that many facts with consecutive times."""
    with build.advance(position, Mark(to, 42)) as transaction:
        transaction.upsert(NAMES, list((names or {}).items()))
        transaction.insert(FACTS, [(to * 1_000_000 + number, -number) for number in range(facts)])


def rows(build: Build, table: Table) -> list[tuple[Any, ...]]:
    return [row for chunk in build.rows(table) for row in chunk]
