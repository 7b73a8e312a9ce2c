"""How far the read models of a store have come, read without creating or changing anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from depot_sim.adapters.read_store import statements
from depot_sim.adapters.read_store.location import Folder, Memory, Server, locate
from depot_sim.domain.kernel.errors import StoreError
from depot_sim.read_models.schema import ReadModel
from depot_sim.read_models.store import NOTHING_STORED, Mark, Stored

FileQuery = Callable[[Path, str], list[tuple[Any, ...]]]
"""The rows of one SELECT on a SQLite file, which it must not change. Raises StoreError."""


def read_marks(url: str, models: Iterable[ReadModel], query_file: FileQuery) -> dict[str, Stored]:
    """By name of the read model; version 0 for one that is not there or cannot be read. Raises StoreError."""
    match locate(url):
        case Memory():
            return {model.name: NOTHING_STORED for model in models}
        case Folder(path):
            return {model.name: _of_file(path / f"{model.name}.db", query_file) for model in models}
        case Server(conninfo):
            return _of_server(conninfo, models)


def _of_file(link: Path, query_file: FileQuery) -> Stored:
    if not link.exists():
        return NOTHING_STORED
    try:
        ((version, position, origin, updated_at),) = query_file(link, statements.READ_INFO)
    except (StoreError, ValueError):
        return NOTHING_STORED
    return Stored(version, Mark(position, origin), updated_at)


def _of_server(conninfo: str, models: Iterable[ReadModel]) -> dict[str, Stored]:
    # Imported late: the driver takes time to load, and an embedded store needs none of it.
    from depot_sim.adapters.read_store.postgres import connect, live_build, translated_errors

    with translated_errors(), closing(connect(conninfo)) as connection:
        return {model.name: live_build(model).stored(connection) for model in models}
