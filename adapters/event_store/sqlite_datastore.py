"""Connections to SQLite: the library's pool, with our durability, immediate write transactions and our errors."""

from __future__ import annotations

import sqlite3
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eventsourcing.persistence import ConnectionPoolClosedError, ConnectionUnavailableError
from eventsourcing.sqlite import SQLiteConnection, SQLiteConnectionPool, SQLiteCursor, SQLiteDatastore

from adapters.event_store.sqlite_errors import commit_error, store_error
from adapters.event_store.url import Durability
from domain.errors import StoreError

LOCK_SECONDS = 30
"""How long a writer waits for the transaction of another program, such as sqlite3."""

_SYNCHRONOUS = {Durability.DURABLE: "FULL", Durability.MAY_LOSE_LAST_COMMITS: "NORMAL"}


class StoreConnection(SQLiteConnection):
    """Takes the write lock when a writing transaction begins, so that what it checks is still so when it commits."""

    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        cursor = self.cursor()
        cursor.execute("BEGIN IMMEDIATE" if commit else "BEGIN")
        try:
            yield cursor
            if commit:
                self._commit()
        finally:
            self.rollback()  # of what is still open: all of it, unless it was committed

    def _commit(self) -> None:
        try:
            self.commit()
        except sqlite3.Error as error:
            raise commit_error(error) from error


class StorePool(SQLiteConnectionPool):
    def __init__(self, db_name: str, durability: Durability) -> None:
        super().__init__(
            db_name=db_name, lock_timeout=LOCK_SECONDS, pool_size=8, max_overflow=56, pool_timeout=LOCK_SECONDS
        )
        self._synchronous = _SYNCHRONOUS[durability]

    def get_connection(self, timeout: float | None = None, *, is_writer: bool | None = None) -> SQLiteConnection:
        try:
            return super().get_connection(timeout, is_writer=is_writer)
        except sqlite3.Error:
            self._give_up_place(is_writer)
            raise

    def _give_up_place(self, is_writer: bool | None) -> None:
        """The library keeps the writer's lock when the connection behind it cannot be made."""
        if is_writer:
            self._num_writers -= 1
            self._writer_lock.release()
        elif is_writer is False:
            with self._no_readers:
                self._num_readers -= 1

    def _create_connection(self) -> SQLiteConnection:
        # Not the library's own: that keeps one prepared statement where an append needs five.
        raw = sqlite3.connect(
            self.db_name, timeout=LOCK_SECONDS, uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            if not self.is_sqlite_memory_mode:
                _use_log(raw)
            raw.execute(f"PRAGMA synchronous = {self._synchronous}")
        except BaseException:
            raw.close()
            raise
        return StoreConnection(raw, self.max_age)


def _use_log(connection: sqlite3.Connection) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if mode != "wal":
        connection.execute("PRAGMA journal_mode = WAL")


class StoreDatastore(SQLiteDatastore):
    """One file, or one shared database in memory. `fetch` and `writing` raise StoreError, never a driver's error."""

    def __init__(self, path: Path | None, durability: Durability) -> None:
        name = str(path.absolute()) if path else f"file:depot-sim-{uuid.uuid4().hex}?mode=memory&cache=shared"
        super().__init__(name, originator_id_type="text")
        self.name = name
        self.path = path
        self.pool = StorePool(name, durability)
        # Writers queue here: in the pool's own queue they would hold up the readers behind them.
        self._turn = threading.Lock()
        self._idle = threading.Condition()
        self._users = 0
        self._closed = False

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """The rows of one SELECT, as tuples."""
        with self._in_use(), translated_errors(), self.get_connection(commit=False) as connection:
            return connection.cursor().sqlite_cursor.execute(sql, parameters).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Cursor]:
        """A cursor in a transaction that alone may write; it commits unless something is raised."""
        with self._in_use(), translated_errors(), self._turn, self.transaction(commit=True) as cursor:
            yield cursor.sqlite_cursor

    def close(self) -> None:
        """Let what is under way end first: a connection that is closed beneath a statement takes the process along."""
        with self._idle:
            self._closed = True
            self._idle.wait_for(lambda: not self._users, LOCK_SECONDS)
        super().close()

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        with self._idle:
            if self._closed:
                raise StoreError("the event store is closed", "open it again")
            self._users += 1
        try:
            yield
        finally:
            with self._idle:
                self._users -= 1
                self._idle.notify_all()


@contextmanager
def translated_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise store_error(error) from error
    except ConnectionPoolClosedError as error:
        raise StoreError("the event store is closed", "open it again") from error
    except ConnectionUnavailableError as error:
        raise StoreError(f"the event store is too busy: {error}", "try again") from error
