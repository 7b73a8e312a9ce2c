"""Stores of toys in processes on one event store: in memory, and on PostgreSQL where a test asks for it."""

from __future__ import annotations

from tests.application.run.conftest import anyio_backend, clock, process, processes, store

__all__ = ["anyio_backend", "clock", "process", "processes", "store"]
