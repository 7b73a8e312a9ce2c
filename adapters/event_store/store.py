"""Opening an event store by its URL."""

from __future__ import annotations

from typing import NamedTuple, Self

from adapters.event_store.journal import GroupCommitJournal
from adapters.event_store.sqlite import SQLiteEventLog
from adapters.event_store.sqlite_datastore import StoreDatastore
from adapters.event_store.sqlite_leases import SQLiteLeases
from adapters.event_store.url import SqliteUrl, parse_store_url
from application.event_log import EventLog, Journal, Leases


class EventStore(NamedTuple):
    """One store's log and leases. Close its journals first, then the store."""

    log: EventLog
    leases: Leases

    def journal(self) -> Journal:
        """A journal for the running event loop, with its own writing thread; one per process is enough."""
        return GroupCommitJournal(self.log)

    def close(self) -> None:
        """Wakes every waiting reader and joins every thread and connection."""
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
        case SqliteUrl(path, durability):
            datastore = StoreDatastore(path, durability)
            try:
                return EventStore(SQLiteEventLog(datastore), SQLiteLeases(datastore))
            except BaseException:
                datastore.close()
                raise
        case _:
            raise NotImplementedError
