"""The event log in PostgreSQL: a batch is planned on what is believed, and one function call checks and writes it."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import psycopg
from eventsourcing.postgres import PostgresApplicationRecorder

from depot_sim.adapters.event_store.plan import Plan, plan
from depot_sim.adapters.event_store.postgres_arrays import BigintArray, ByteaArray, TextArray
from depot_sim.adapters.event_store.postgres_datastore import StoreDatastore, translated_errors
from depot_sim.adapters.event_store.postgres_schema import CHANNEL, create_schema, require_schema
from depot_sim.adapters.event_store.queries import Query, select_log, select_snapshot, select_stream
from depot_sim.adapters.event_store.recorder import LibraryRecorder
from depot_sim.adapters.event_store.wakeups import Wakeups
from depot_sim.application.event_log import EVERYTHING, Append, Fence, Filter, Row, Snapshot
from depot_sim.domain.kernel.errors import StoreError

HEARTBEAT_SECONDS = 1.0
"""How often a waiting log looks even without a NOTIFY."""

_APPEND = b"SELECT * FROM append_events(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b)"
_HEAD = b"SELECT max(position) FROM events"
_VERSION = b"SELECT max(version) FROM events WHERE stream = %s"
_LISTEN = f"LISTEN {CHANNEL}".encode()
# Under the lock of appends, and a new version of a row, so that something is written and flushed.
_PROBE = b"""
    WITH turn AS (SELECT pg_advisory_xact_lock(hashtextextended('depot-sim events', 0)))
    UPDATE store_info SET schema_version = schema_version FROM turn"""
_SAVE_SNAPSHOT = b"""
    INSERT INTO snapshots (stream, version, at, state) VALUES (%s, %s, %s, %s)
    ON CONFLICT (stream, version) DO UPDATE SET at = excluded.at, state = excluded.state"""

# Row(*columns) would unpack and repack; this only relabels the tuple.
_as_row: Callable[[tuple[Any, ...]], Row] = partial(tuple.__new__, Row)


class PostgresEventLog(LibraryRecorder, PostgresApplicationRecorder):
    """Positions come from a sequence under a lock: in the order of commits, with gaps where an insert was refused."""

    def __init__(self, datastore: StoreDatastore, now_us: Callable[[], int]) -> None:
        """`now_us` is wall time in µs since 1970.

        Raises StoreTooNew, or StoreUnreadable for tables of another program, and changes nothing then. A datastore
        that only reads gets no tables: StoreError when there are none.
        """
        with translated_errors(), datastore.connect() as connection:
            prepare = require_schema if datastore.read_only else create_schema
            prepare(connection)
        self._now_us = now_us
        super().__init__(datastore, events_table_name="events")
        self.datastore: StoreDatastore = datastore
        self._closed, self._closing = socket.socketpair()
        self._wakeups = Wakeups(self._watch, interrupt=self._closing.close)

    def create_table(self) -> None:
        """The schema is created before the library's recorder looks at the database."""

    def append(self, append: Append) -> Sequence[int]:
        (outcome,) = self.append_many((append,))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def append_many(self, appends: Sequence[Append]) -> Sequence[Sequence[int] | Exception]:
        ground = _Ground({append.fence for append in appends if append.fence is not None})
        recorded_at = self._now_us()
        # Every round but the last has learnt of another process's write, so somebody always gets on.
        while True:
            planned = plan(appends, ground, recorded_at)
            ((first, *corrections),) = self.datastore.call(_APPEND, ground.parameters(planned, recorded_at))
            if not ground.correct(*corrections):
                break
        if first is not None:
            self._wakeups.advance(first + len(planned.rows) - 1)
        return planned.settled(first or 0)

    def read_stream(
        self,
        stream: str,
        *,
        after: int = 0,
        upto: int | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> list[Row]:
        return self._rows(select_stream(stream, after, upto, limit, newest_first))

    def read_all(
        self,
        after: int = 0,
        limit: int = 1000,
        where: Filter = EVERYTHING,
        *,
        upto: int | None = None,
        newest_first: bool = False,
    ) -> list[Row]:
        return self._rows(select_log(after, limit, where, upto, newest_first))

    def head(self) -> int:
        return self._number(_HEAD)

    def stream_version(self, stream: str) -> int:
        return self._number(_VERSION, (stream,))

    def wait_beyond(self, position: int, timeout: float) -> bool:
        return self._wakeups.wait_beyond(position, timeout)

    def check_writable(self) -> None:
        self.datastore.call(_PROBE, ())

    def save_snapshot(self, snapshot: Snapshot) -> None:
        self.datastore.call(_SAVE_SNAPSHOT, snapshot)

    def latest_snapshot(
        self, stream: str, *, upto_version: int | None = None, upto_at: int | None = None
    ) -> Snapshot | None:
        found = self._select(select_snapshot(stream, upto_version, upto_at))
        return Snapshot(*found[0]) if found else None

    def close(self) -> None:
        self._wakeups.close()
        self._closed.close()
        self.datastore.close()

    def _rows(self, query: Query) -> list[Row]:
        return list(map(_as_row, self._select(query)))

    def _select(self, query: Query) -> list[tuple[Any, ...]]:
        sql, parameters = query
        return self.datastore.fetch(sql.replace("?", "%s").encode(), parameters)

    def _number(self, sql: bytes, parameters: Sequence[Any] = ()) -> int:
        ((number,),) = self.datastore.fetch(sql, parameters)
        return number or 0

    def _watch(self, wakeups: Wakeups) -> None:
        """LISTEN on a connection of its own; when it is lost, begin anew."""
        while not wakeups.closing.is_set():
            with suppress(psycopg.Error, StoreError), self.datastore.connect() as connection:
                self._listen(connection, wakeups)
            wakeups.closing.wait(HEARTBEAT_SECONDS)

    def _listen(self, connection: psycopg.Connection[Any], wakeups: Wakeups) -> None:
        connection.execute(_LISTEN)
        # Only now that no later commit goes unnoticed is it safe to look.
        wakeups.advance(self.head())
        with selectors.DefaultSelector() as sources:
            sources.register(connection, selectors.EVENT_READ)
            sources.register(self._closed, selectors.EVENT_READ)
            while not wakeups.closing.is_set():
                heads = [int(notify.payload) for notify in connection.notifies(timeout=0)]
                if heads:
                    wakeups.advance(max(heads))
                elif not sources.select(HEARTBEAT_SECONDS):
                    wakeups.advance(self.head())


class _Ground:
    """What is known of the store from earlier rounds. The rest is believed, and all of it is checked by the append."""

    def __init__(self, fences: set[Fence]) -> None:
        self._fences = fences
        self._versions: dict[str, int] = {}

    def version(self, stream: str) -> int | None:
        return self._versions.get(stream)

    def holds(self, fence: Fence) -> bool:
        return fence in self._fences

    def parameters(self, planned: Plan, recorded_at: int) -> Sequence[object]:
        """The parameters of append_events."""
        versions = self._versions | planned.believed
        streams, numbers, topics, states, _, metadatas = zip(*planned.rows, strict=True) if planned.rows else ((),) * 6
        return (
            TextArray.of(versions),
            BigintArray.of(versions.values()),
            TextArray.of(fence.run_id for fence in self._fences),
            BigintArray.of(fence.token for fence in self._fences),
            TextArray.of(streams),
            BigintArray.of(numbers),
            TextArray.of(topics),
            ByteaArray.of(states),
            ByteaArray.of(metadatas),
            recorded_at,
        )

    def correct(
        self,
        streams: Sequence[str] | None,
        versions: Sequence[int] | None,
        lost_runs: Sequence[str] | None,
        lost_tokens: Sequence[int] | None,
    ) -> bool:
        """Take in what is not as believed. False when there is nothing: then the plan has been written."""
        self._versions |= zip(streams or (), versions or (), strict=True)
        self._fences -= set(map(Fence, lost_runs or (), lost_tokens or ()))
        return streams is not None or lost_runs is not None
