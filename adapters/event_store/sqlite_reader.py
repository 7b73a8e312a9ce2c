"""Reading a SQLite file without writing to it: no checkpoint, no commit, with or without a writing process beside.

Without a write-ahead log (-wal) the file itself is complete, and it is opened with `immutable=1`: SQLite then needs no
-shm file, so that a folder which may only be read will do. Such a connection takes no lock and notices no writer. So a
query counts only if the file is the same after it and still has no -wal; otherwise it is repeated. With a -wal the
file is opened with `mode=ro`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from depot_sim.adapters.event_store.sqlite_errors import store_error
from depot_sim.domain.kernel.errors import StoreError, StoreUnreadable

_LOCK_SECONDS = 30
"""How long a read waits for a writer that changes the structure of the -wal."""


class _State(NamedTuple):
    """What tells whether the file has changed. `has_log`: a -wal stands beside it."""

    has_log: bool
    inode: int
    size: int
    changed_ns: int


class FileReader:
    """For any number of threads, which take turns. Methods raise StoreError."""

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()
        self._turn = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._connected_to: _State | None = None
        self._closed = False

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """The rows of one SELECT, as tuples."""
        with self._turn:
            while True:
                if self._closed:
                    raise StoreError("the event store is closed", "open it again")
                state = self._state()
                try:
                    rows = self._connect(state).execute(sql, parameters).fetchall()
                except sqlite3.Error as error:
                    self._disconnect()
                    if not self._changed_since(state):
                        raise self._explained(error, state) from error
                else:
                    if state.has_log or not self._changed_since(state):
                        return rows

    def close(self) -> None:
        with self._turn:
            self._closed = True
            self._disconnect()

    def _connect(self, state: _State) -> sqlite3.Connection:
        connected_to = self._connected_to
        if self._connection is not None and connected_to is not None:
            same_file = connected_to.inode == state.inode
            if connected_to == state or (same_file and connected_to.has_log and state.has_log):
                return self._connection
            self._disconnect()
        mode = "mode=ro" if state.has_log else "mode=ro&immutable=1"
        self._connection = sqlite3.connect(
            f"{self._path.as_uri()}?{mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=_LOCK_SECONDS,
        )
        self._connected_to = state
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection, self._connected_to = self._connection, None, None
        if connection is not None:
            connection.close()

    def _state(self) -> _State:
        try:
            status = self._path.stat()
        except OSError as error:
            raise StoreUnreadable(
                f"{self._path} cannot be read: {error.strerror}", "name a file this program may read"
            ) from None
        return _State(_has_log(self._path), status.st_ino, status.st_size, status.st_mtime_ns)

    def _changed_since(self, state: _State) -> bool:
        """With a -wal SQLite's own locks keep a query whole; then only the end of the -wal is a change."""
        now = self._state()
        return not now.has_log if state.has_log else now != state

    def _explained(self, error: sqlite3.Error, state: _State) -> StoreError:
        cannot_open = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CANTOPEN
        if state.has_log and cannot_open:
            return StoreUnreadable(
                f"the newest events of {self._path} are in {self._path.name}-wal, which cannot be read without "
                f"{self._path.name}-shm, and that cannot be created: {error}",
                "copy the file and its -wal to a folder that may be written to, and read the copy",
            )
        return store_error(error)


def query_file(path: Path, sql: str) -> list[Any]:
    """The rows of one SELECT on a SQLite file that is opened for it. Raises StoreError."""
    with closing(FileReader(path)) as reader:
        return reader.fetch(sql)


def _has_log(path: Path) -> bool:
    """Whether a write-ahead log with content stands beside the file."""
    with suppress(FileNotFoundError):
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    return False
