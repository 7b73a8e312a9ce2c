"""Connections to SQLite, with our durability, immediate write transactions and our errors."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from eventsourcing.sqlite import SQLiteConnection, SQLiteCursor, SQLiteDatastore

from depot_sim.adapters.event_store.connection_pool import ConnectionPool
from depot_sim.adapters.event_store.sqlite_errors import commit_error, store_error
from depot_sim.adapters.event_store.url import Durability

LOCK_SECONDS = 30
"""How long a writer waits for the transaction of another program, such as sqlite3."""

_SYNCHRONOUS = {Durability.DURABLE: "FULL", Durability.MAY_LOSE_LAST_COMMITS: "NORMAL"}


class StoreDatastore(SQLiteDatastore):
    """One file, or one shared database in memory. `fetch` and `writing` raise StoreError, never a driver's error.

    The library's recorders ask for a datastore of the library. All its connections come from our pool: the library's
    own keeps the writer's place when a connection cannot be made, and is never asked for one here.
    """

    def __init__(self, path: Path | None, durability: Durability) -> None:
        name = str(path.absolute()) if path else f"file:depot-sim-{uuid.uuid4().hex}?mode=memory&cache=shared"
        super().__init__(name, originator_id_type="text")
        self.name = name
        self.path = path
        self._connections = ConnectionPool(
            partial(_connect, name, in_file=path is not None, synchronous=_SYNCHRONOUS[durability]),
            exclusive=path is None,
            wait_seconds=LOCK_SECONDS,
        )

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """The rows of one SELECT, as tuples."""
        with translated_errors(), self._connections.connection(is_writer=False) as connection:
            return connection.execute(sql, parameters).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Cursor]:
        """A cursor in a transaction that alone may write; it commits unless something is raised."""
        with translated_errors(), self.transaction(commit=True) as cursor:
            yield cursor.sqlite_cursor

    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        with (
            self._connections.connection(is_writer=commit) as connection,
            _transaction(connection, commit=commit) as cursor,
        ):
            yield SQLiteCursor(cursor)

    @contextmanager
    def get_connection(self, *, commit: bool) -> Iterator[SQLiteConnection]:
        with self._connections.connection(is_writer=commit) as connection:
            yield SQLiteConnection(connection, max_age=None)

    def close(self) -> None:
        """Let what is under way end first."""
        self._connections.close()
        super().close()


def _connect(name: str, *, in_file: bool, synchronous: str) -> sqlite3.Connection:
    connection = sqlite3.connect(name, timeout=LOCK_SECONDS, uri=True, isolation_level=None, check_same_thread=False)
    try:
        if in_file:
            _use_log(connection)
        connection.execute(f"PRAGMA synchronous = {synchronous}")
    except BaseException:
        connection.close()
        raise
    return connection


def _use_log(connection: sqlite3.Connection) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if mode != "wal":
        connection.execute("PRAGMA journal_mode = WAL")


@contextmanager
def _transaction(connection: sqlite3.Connection, *, commit: bool) -> Iterator[sqlite3.Cursor]:
    """Takes the write lock when a writing transaction begins, so that what it checks is still so when it commits."""
    cursor = connection.cursor()
    cursor.execute("BEGIN IMMEDIATE" if commit else "BEGIN")
    try:
        yield cursor
        if commit:
            _commit(connection)
    finally:
        connection.rollback()  # of what is still open: all of it, unless it was committed


def _commit(connection: sqlite3.Connection) -> None:
    try:
        connection.commit()
    except sqlite3.Error as error:
        raise commit_error(error) from error


@contextmanager
def translated_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise store_error(error) from error
