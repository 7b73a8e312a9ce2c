"""Opening an event store by its URL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from adapters.event_store.journal import GroupCommitJournal
from adapters.event_store.sqlite import SQLiteEventLog
from adapters.event_store.sqlite_datastore import StoreDatastore as SQLiteStoreDatastore
from adapters.event_store.sqlite_leases import SQLiteLeases
from adapters.event_store.url import PostgresUrl, SqliteUrl, parse_store_url
from application.event_log import EventLog, Journal, Leases


@dataclass(frozen=True, slots=True)
class EventStore:
    """One store's log and leases. Close its journals first, then the store."""

    log: EventLog
    leases: Leases

    def journal(self) -> Journal:
        """A journal for the running event loop, with its own writing thread; one per process is enough."""
        return GroupCommitJournal(self.log)

    def close(self) -> None:
        """Wake every waiting reader and join every thread and connection."""
        self.log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_event_store(url: str) -> EventStore:
    """The store behind `url` (see adapters.event_store.url), created when it does not exist.

    Raises InvalidInput for a bad URL, StoreUnreadable, StoreTooNew or StoreError for a store that cannot be used.
    """
    match parse_store_url(url):
        case SqliteUrl() as sqlite:
            return _open_sqlite(sqlite)
        case PostgresUrl() as postgres:
            return _open_postgres(postgres)


def _open_sqlite(url: SqliteUrl) -> EventStore:
    datastore = SQLiteStoreDatastore(url.path, url.durability)
    return _or_close(datastore.close, lambda: EventStore(SQLiteEventLog(datastore), SQLiteLeases(datastore)))


def _open_postgres(url: PostgresUrl) -> EventStore:
    # Imported late: the driver takes time to load, and an embedded store needs none of it.
    from adapters.event_store.postgres import PostgresEventLog
    from adapters.event_store.postgres_datastore import StoreDatastore
    from adapters.event_store.postgres_leases import PostgresLeases

    datastore = StoreDatastore(url)
    return _or_close(datastore.close, lambda: EventStore(PostgresEventLog(datastore), PostgresLeases(datastore)))


def _or_close(close: Callable[[], None], opened: Callable[[], EventStore]) -> EventStore:
    try:
        return opened()
    except BaseException:
        close()
        raise
