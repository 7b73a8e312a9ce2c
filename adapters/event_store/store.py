"""Opening an event store by its URL: for writing, or for reading only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Self, TypeVar

from depot_sim.adapters.event_store.file_lock import FileLock
from depot_sim.adapters.event_store.journal import GroupCommitJournal
from depot_sim.adapters.event_store.sqlite import SQLiteEventLog
from depot_sim.adapters.event_store.sqlite_datastore import StoreDatastore as SQLiteStoreDatastore
from depot_sim.adapters.event_store.sqlite_leases import SQLiteLeases
from depot_sim.adapters.event_store.sqlite_read_log import SQLiteReadLog
from depot_sim.adapters.event_store.sqlite_schema import inspect_file
from depot_sim.adapters.event_store.url import PostgresUrl, SqliteUrl, parse_store_url
from depot_sim.application.event_log import EventLog, Journal, Leases

_T = TypeVar("_T")

Now = Callable[[], int]
"""Wall time in µs since 1970."""


def system_now_us() -> int:
    return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True)
class EventStore:
    """One store's log and leases. Close its journals first, then the store."""

    log: EventLog
    leases: Leases
    release: Callable[[], None] = lambda: None
    """Called once the log is closed: gives up what proved to other processes that this one is alive."""
    is_shared: bool = False
    """Whether other processes may write to it as well."""

    def journal(self) -> Journal:
        """A journal for the running event loop, with its own writing thread; one per process is enough."""
        return GroupCommitJournal(self.log)

    def close(self) -> None:
        """Wake every waiting reader, join every thread, close every connection, and release the lock."""
        try:
            self.log.close()
        finally:
            self.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_event_store(url: str, *, service_url: str = "", now_us: Now = system_now_us) -> EventStore:
    """The store behind `url` (see depot_sim.adapters.event_store.url) for writing, created when it does not exist.

    A SQLite file is locked for this process until the store is closed; `service_url` is told to a process that is
    refused meanwhile. Raises InvalidInput for a bad URL, StoreInUse when another process writes to the SQLite file,
    StoreUnreadable, StoreTooNew or StoreError for a store that cannot be used.
    """
    match parse_store_url(url):
        case SqliteUrl() as sqlite:
            return _open_sqlite(sqlite, service_url, now_us)
        case PostgresUrl() as postgres:
            return _open_postgres(postgres, now_us)


@contextmanager
def read_event_log(url: str) -> Iterator[EventLog]:
    """The log of an existing store for reading only, whether or not another process writes to it.

    Changes nothing: on SQLite no byte of the database and its -wal. A store in memory is a new, empty one.
    Raises InvalidInput for a bad URL, StoreUnreadable, StoreTooNew or StoreError for one that cannot be used.
    """
    with closing(_open_for_reading(parse_store_url(url))) as log:
        yield log


def _open_for_reading(url: SqliteUrl | PostgresUrl) -> EventLog:
    if isinstance(url, SqliteUrl):
        return SQLiteReadLog(url.path) if url.path is not None else _on_sqlite(url, system_now_us)[0]
    from depot_sim.adapters.event_store.postgres import PostgresEventLog
    from depot_sim.adapters.event_store.postgres_datastore import StoreDatastore

    datastore = StoreDatastore(url, read_only=True)
    return _or_close(datastore.close, lambda: PostgresEventLog(datastore, system_now_us))


def _open_sqlite(url: SqliteUrl, service_url: str, now_us: Now) -> EventStore:
    if url.path is None:
        return EventStore(*_on_sqlite(url, now_us))
    inspect_file(url.path)
    lock = FileLock(url.path, service_url)
    return _or_close(lock.release, lambda: EventStore(*_on_sqlite(url, now_us), lock.release))


def _on_sqlite(url: SqliteUrl, now_us: Now) -> tuple[SQLiteEventLog, SQLiteLeases]:
    datastore = SQLiteStoreDatastore(url.path, url.durability)
    return _or_close(datastore.close, lambda: (SQLiteEventLog(datastore, now_us), SQLiteLeases(datastore)))


def _open_postgres(url: PostgresUrl, now_us: Now) -> EventStore:
    # Imported late: the driver takes time to load, and an embedded store needs none of it.
    from depot_sim.adapters.event_store.postgres import PostgresEventLog
    from depot_sim.adapters.event_store.postgres_datastore import StoreDatastore
    from depot_sim.adapters.event_store.postgres_leases import PostgresLeases

    datastore = StoreDatastore(url)
    leases = PostgresLeases(datastore)
    return _or_close(
        datastore.close,
        lambda: EventStore(PostgresEventLog(datastore, now_us), leases, leases.close, is_shared=True),
    )


def _or_close(close: Callable[[], None], opened: Callable[[], _T]) -> _T:
    try:
        return opened()
    except BaseException:
        close()
        raise
