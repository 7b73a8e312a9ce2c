"""The event log in SQLite: one writer at a time, so a batch is checked and written in one look."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial
from typing import Any

import msgspec
from eventsourcing.sqlite import SQLiteApplicationRecorder

from adapters.event_store.plan import plan
from adapters.event_store.queries import select_log, select_snapshot, select_stream
from adapters.event_store.recorder import LibraryRecorder
from adapters.event_store.sqlite_datastore import StoreDatastore
from adapters.event_store.sqlite_schema import CREATE_TABLES, inspect_file
from adapters.event_store.wakeups import Wakeups
from application.event_log import EVERYTHING, Append, Fence, Filter, Row, Snapshot
from domain.errors import StoreError

POLL_SECONDS = 0.02
"""How often a waiting log looks for commits of other processes."""

_INSERT = "INSERT INTO events (stream, version, topic, state, recorded_at, metadata) VALUES (?, ?, ?, ?, ?, ?)"
_HEAD = "SELECT max(position) FROM events"
_VERSION = "SELECT max(version) FROM events WHERE stream = ?"
# Of many streams at once: every row that SQLite is asked for costs a change of threads.
_VERSIONS = """
    SELECT json_group_object(value, (SELECT max(version) FROM events WHERE stream = value))
    FROM json_each(CAST(? AS TEXT))"""
_HOLDS = "SELECT 1 FROM leases WHERE run = ? AND token = ?"
_SAVE_SNAPSHOT = "INSERT OR REPLACE INTO snapshots (stream, version, at, state) VALUES (?, ?, ?, ?)"

# Row(*columns) would unpack and repack; this only relabels the tuple.
_as_row: Callable[[tuple[Any, ...]], Row] = partial(tuple.__new__, Row)
_decode_versions = msgspec.json.Decoder(dict[str, int | None]).decode


class SQLiteEventLog(LibraryRecorder, SQLiteApplicationRecorder):
    """Positions are the primary key, so they follow the order of commits without a gap."""

    def __init__(self, datastore: StoreDatastore) -> None:
        """Raises StoreUnreadable or StoreTooNew, and leaves such a file as it was."""
        if datastore.path is not None:
            inspect_file(datastore.path)
        super().__init__(datastore, "events")
        self.datastore: StoreDatastore = datastore
        self._wakeups = Wakeups(self._watch if datastore.path else None)
        self.create_table()

    def construct_create_table_statements(self) -> list[str]:
        return list(CREATE_TABLES)

    def create_table(self) -> None:
        with self.datastore.writing() as cursor:
            for statement in self.create_table_statements:
                cursor.execute(statement)

    def append(self, append: Append) -> Sequence[int]:
        (outcome,) = self.append_many((append,))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def append_many(self, appends: Sequence[Append]) -> Sequence[Sequence[int] | Exception]:
        with self.datastore.writing() as cursor:
            planned = plan(appends, _Ground(cursor, appends), time.time_ns() // 1000)
            last = _insert(cursor, planned.rows)
        self._wakeups.advance(last)
        return planned.settled(last - len(planned.rows) + 1)

    def read_stream(
        self,
        stream: str,
        *,
        after: int = 0,
        upto: int | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> list[Row]:
        return self._rows(*select_stream(stream, after, upto, limit, newest_first))

    def read_all(
        self,
        after: int = 0,
        limit: int = 1000,
        where: Filter = EVERYTHING,
        *,
        upto: int | None = None,
        newest_first: bool = False,
    ) -> list[Row]:
        # The sign keeps SQLite off the stream's index: it would sort the whole stream again for every page.
        return self._rows(*select_log(after, limit, where, upto, newest_first, stream_column="+stream"))

    def head(self) -> int:
        return self._number(_HEAD)

    def stream_version(self, stream: str) -> int:
        return self._number(_VERSION, (stream,))

    def wait_beyond(self, position: int, timeout: float) -> bool:
        return self._wakeups.wait_beyond(position, timeout)

    def save_snapshot(self, snapshot: Snapshot) -> None:
        with self.datastore.writing() as cursor:
            cursor.execute(_SAVE_SNAPSHOT, snapshot)

    def latest_snapshot(
        self, stream: str, *, upto_version: int | None = None, upto_at: int | None = None
    ) -> Snapshot | None:
        found = self.datastore.fetch(*select_snapshot(stream, upto_version, upto_at))
        return Snapshot(*found[0]) if found else None

    def close(self) -> None:
        self._wakeups.close()
        self.datastore.close()

    def _rows(self, sql: str, parameters: Sequence[Any]) -> list[Row]:
        return list(map(_as_row, self.datastore.fetch(sql, parameters)))

    def _number(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        ((number,),) = self.datastore.fetch(sql, parameters)
        return number or 0

    def _watch(self, wakeups: Wakeups) -> None:
        """`data_version` changes with every commit of another connection; to ask for it costs next to nothing.

        Under load it has changed with every look, so the head is read over the same connection.
        """
        seen = None
        with closing(sqlite3.connect(self.datastore.name)) as connection:
            while not wakeups.closing.is_set():
                # A failed look is repeated: the file may be locked for a moment.
                with suppress(sqlite3.Error, StoreError):
                    (version,) = connection.execute("PRAGMA data_version").fetchone()
                    if version != seen:
                        wakeups.advance(_head(connection))
                        seen = version
                wakeups.closing.wait(POLL_SECONDS)


class _Ground:
    """The store within the open transaction, as far as the appends reach."""

    def __init__(self, cursor: sqlite3.Cursor, appends: Sequence[Append]) -> None:
        self._cursor = cursor
        self._held: dict[Fence, bool] = {}
        streams = {write.stream for append in appends for write in append.writes}
        (versions,) = cursor.execute(_VERSIONS, (msgspec.json.encode(streams),)).fetchone()
        self._versions = _decode_versions(versions)

    def version(self, stream: str) -> int:
        if stream not in self._versions:  # JSON in SQLite ends a name at a NUL
            (self._versions[stream],) = self._cursor.execute(_VERSION, (stream,)).fetchone()
        return self._versions[stream] or 0

    def holds(self, fence: Fence) -> bool:
        held = self._held.get(fence)
        if held is None:
            held = self._held[fence] = self._cursor.execute(_HOLDS, fence).fetchone() is not None
        return held


def _head(connection: sqlite3.Connection) -> int:
    (position,) = connection.execute(_HEAD).fetchone()
    return position or 0


def _insert(cursor: sqlite3.Cursor, rows: Sequence[tuple[Any, ...]]) -> int:
    """The last position written; without rows any number will do."""
    if not rows:
        return 0
    cursor.executemany(_INSERT, rows)
    (last,) = cursor.execute("SELECT last_insert_rowid()").fetchone()
    return int(last)
