"""Opening the read models of an event store."""

from __future__ import annotations

from collections.abc import Iterable

from depot_sim.adapters.read_store.location import Folder, Memory, Server, locate
from depot_sim.adapters.read_store.sqlite import SqliteReadStore
from depot_sim.read_models.schema import ReadModel
from depot_sim.read_models.store import ReadStore


def open_read_store(url: str, models: Iterable[ReadModel]) -> ReadStore:
    """The read models beside the event store at `url`, created empty when they do not exist.

    In memory they are this process's own, and every opening makes new ones. Raises InvalidInput or StoreError.
    """
    match locate(url):
        case Memory():
            return SqliteReadStore(models, None)
        case Folder(path):
            return SqliteReadStore(models, path)
        case Server(conninfo):
            # Imported late: the driver takes time to load, and an embedded store needs none of it.
            from depot_sim.adapters.read_store.postgres import PostgresReadStore

            return PostgresReadStore(models, conninfo)
