"""The event log in SQLite: one writer at a time, so a batch is checked and written in one look."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from eventsourcing.sqlite import SQLiteApplicationRecorder

from depot_sim.adapters.event_store.plan import plan
from depot_sim.adapters.event_store.recorder import LibraryRecorder
from depot_sim.adapters.event_store.sqlite_datastore import StoreDatastore
from depot_sim.adapters.event_store.sqlite_queries import VERSION, SQLiteQueries
from depot_sim.adapters.event_store.sqlite_schema import CREATE_TABLES
from depot_sim.adapters.event_store.wakeups import Wakeups
from depot_sim.application.event_log import Append, Fence, Snapshot

_INSERT = "INSERT INTO events (stream, version, topic, state, recorded_at, metadata) VALUES (?, ?, ?, ?, ?, ?)"
# Of many streams at once: every row that SQLite is asked for costs a change of threads.
_VERSIONS = """
    SELECT json_group_object(value, (SELECT max(version) FROM events WHERE stream = value))
    FROM json_each(CAST(? AS TEXT))"""
_NEWEST = "SELECT (SELECT recorded_at FROM events ORDER BY position DESC LIMIT 1)"
_HOLDS = "SELECT 1 FROM leases WHERE run = ? AND token = ?"
_PROBE = "UPDATE write_probe SET number = 1 - number"  # SQLite writes nothing for a value that stays as it is
_SAVE_SNAPSHOT = "INSERT OR REPLACE INTO snapshots (stream, version, at, state) VALUES (?, ?, ?, ?)"

_decode_versions = msgspec.json.Decoder(dict[str, int | None]).decode


class SQLiteEventLog(SQLiteQueries, LibraryRecorder, SQLiteApplicationRecorder):
    """Positions are the primary key, so they follow the order of commits without a gap.

    For the one process that writes to the file: commits of another one wake no reader here.
    """

    def __init__(self, datastore: StoreDatastore, now_us: Callable[[], int]) -> None:
        """`now_us` is wall time in µs since 1970."""
        super().__init__(datastore, "events")
        self.datastore: StoreDatastore = datastore
        self._now_us = now_us
        self._wakeups = Wakeups()
        self.create_table()
        self._wakeups.advance(self.head())
        self._newest_us = self._number(_NEWEST)

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        return self.datastore.fetch(sql, parameters)

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
            # The clock may have gone back since the newest event: records stay sorted by time.
            self._newest_us = max(self._newest_us, self._now_us())
            planned = plan(appends, _Ground(cursor, appends), self._newest_us)
            last = _insert(cursor, planned.rows)
        self._wakeups.advance(last)
        return planned.settled(last - len(planned.rows) + 1)

    def wait_beyond(self, position: int, timeout: float) -> bool:
        return self._wakeups.wait_beyond(position, timeout)

    def check_writable(self) -> None:
        with self.datastore.writing() as cursor:
            cursor.execute(_PROBE)

    def save_snapshot(self, snapshot: Snapshot) -> None:
        with self.datastore.writing() as cursor:
            cursor.execute(_SAVE_SNAPSHOT, snapshot)

    def close(self) -> None:
        self._wakeups.close()
        self.datastore.close()


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
            (self._versions[stream],) = self._cursor.execute(VERSION, (stream,)).fetchone()
        return self._versions[stream] or 0

    def holds(self, fence: Fence) -> bool:
        held = self._held.get(fence)
        if held is None:
            held = self._held[fence] = self._cursor.execute(_HOLDS, fence).fetchone() is not None
        return held


def _insert(cursor: sqlite3.Cursor, rows: Sequence[tuple[Any, ...]]) -> int:
    """The last position written; without rows any number will do."""
    if not rows:
        return 0
    cursor.executemany(_INSERT, rows)
    (last,) = cursor.execute("SELECT last_insert_rowid()").fetchone()
    return int(last)
