"""The read store: where read models keep their tables, on SQLite or PostgreSQL."""

from depot_sim.adapters.read_store.marks import read_marks
from depot_sim.adapters.read_store.store import open_read_store

__all__ = ["open_read_store", "read_marks"]
