"""Service processes that play scenarios."""

from __future__ import annotations

from tests.application.run.conftest import anyio_backend, clock, process, processes, store

__all__ = ["anyio_backend", "clock", "process", "processes", "store"]
