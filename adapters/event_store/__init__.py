"""The event store: the log, its journal and the runners' leases, on SQLite or PostgreSQL."""

from depot_sim.adapters.event_store.store import EventStore, open_event_store, read_event_log

__all__ = ["EventStore", "open_event_store", "read_event_log"]
