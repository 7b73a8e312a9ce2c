"""One build of a read model in SQLite: a database of its own, in a file or in memory."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from depot_sim.adapters.read_store import statements
from depot_sim.read_models.schema import ReadModel, Table, Type
from depot_sim.read_models.store import Mark, Overtaken, Stored

_LOCK_SECONDS = 30.0
_CHUNK = 10_000
_TYPES = {Type.INTEGER: "INTEGER", Type.TEXT: "TEXT"}

# Derived data: a power cut may take the last transactions, the projector writes them again.
_LIVE = ("PRAGMA synchronous=NORMAL", "PRAGMA cache_size=-16384", "PRAGMA wal_autocheckpoint=4000")
_FILLING = (
    "PRAGMA journal_mode=OFF",
    "PRAGMA synchronous=OFF",
    "PRAGMA locking_mode=EXCLUSIVE",
    "PRAGMA cache_size=-65536",
)


class SqliteBuild(ABC):
    """Tables and position. Methods raise sqlite3.Error."""

    @abstractmethod
    def connection(self) -> AbstractContextManager[sqlite3.Connection]:
        """A connection that no other thread uses meanwhile."""

    @abstractmethod
    def close(self) -> None: ...

    @cached_property
    def version(self) -> int:
        return self.stored().version

    def create(self, model: ReadModel) -> None:
        """Empty tables, without their indices."""
        with self.connection() as connection, _writing(connection):
            for table in (statements.INFO, *model.tables):
                columns, key = statements.columns(table, _TYPES), statements.primary_key(table)
                connection.execute(f"CREATE TABLE {table.name} ({columns}, {key}) WITHOUT ROWID")
            connection.execute(statements.insert(statements.INFO), (model.version, 0, 0, 0))

    def index(self, model: ReadModel) -> None:
        with self.connection() as connection, _writing(connection):
            for table in model.tables:
                for statement in statements.create_indices(table):
                    connection.execute(statement)

    def stored(self) -> Stored:
        with self.connection() as connection:
            return _stored(connection)

    @contextmanager
    def held(self) -> Iterator[Stored]:
        """Nobody else writes meanwhile."""
        with self.connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield _stored(connection)
            finally:
                with suppress(sqlite3.ProgrammingError):  # swapped away and closed
                    connection.rollback()

    @contextmanager
    def advance(self, position: int, to: Mark) -> Iterator[SqliteTransaction]:
        with self.connection() as connection, _writing(connection):
            if connection.execute(statements.READ_POSITION).fetchone() != (position,):
                raise Overtaken
            yield SqliteTransaction(connection)
            connection.execute(statements.WRITE_INFO, (*to, time.time_ns() // 1000))

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self.connection() as connection:
            return connection.execute(sql, parameters).fetchall()

    def rows(self, table: Table) -> Iterator[Sequence[tuple[Any, ...]]]:
        with self.connection() as connection:
            cursor = connection.execute(statements.ordered_rows(table))
            while chunk := cursor.fetchmany(_CHUNK):
                yield chunk


class SqliteTransaction:
    """What a projector may do inside `advance`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, parameters).fetchall()

    def insert(self, table: Table, rows: Iterable[Sequence[object]]) -> None:
        self._connection.executemany(statements.insert(table), rows)

    def upsert(self, table: Table, rows: Iterable[Sequence[object]]) -> None:
        self._connection.executemany(statements.upsert(table), rows)


class FileBuild(SqliteBuild):
    """Readers do not wait for the writer, nor the writer for them. While it is being filled it has one user only."""

    def __init__(self, path: Path, *, filling: bool = False) -> None:
        self.path = path
        self._filling = filling
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        if self._closed:
            self.close()

    def seal(self) -> None:
        """Make what was filled durable and fit for many users."""
        self.close()
        self._filling = False
        with self.connection() as connection:
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
        _sync(self.path)

    def close(self) -> None:
        """Connections in use are closed when they come back."""
        self._closed = True
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def remove(self) -> None:
        self.close()
        for name in (self.path.name, f"{self.path.name}-wal", f"{self.path.name}-shm"):
            self.path.with_name(name).unlink(missing_ok=True)

    def _connect(self) -> sqlite3.Connection:
        # Without `rwc` a reader that comes too late cannot bring a removed file back to life.
        mode = "rwc" if self._filling else "rw"
        connection = _connect(f"{self.path.absolute().as_uri()}?mode={mode}")
        for pragma in _FILLING if self._filling else _LIVE:
            connection.execute(pragma).fetchone()
        return connection


class MemoryBuild(SqliteBuild):
    """One connection that the threads of this process take in turn."""

    def __init__(self) -> None:
        self._turn = threading.RLock()
        self._connection = _connect("file::memory:")

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        with self._turn:
            yield self._connection

    def close(self) -> None:
        with self._turn:
            self._connection.close()


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=_LOCK_SECONDS)


def _stored(connection: sqlite3.Connection) -> Stored:
    version, position, origin, updated_at = connection.execute(statements.READ_INFO).fetchone()
    return Stored(version, Mark(position, origin), updated_at)


@contextmanager
def _writing(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.execute("COMMIT")


def _sync(path: Path) -> None:
    for target in (path, path.parent):
        descriptor = os.open(target, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
