"""The event log of a SQLite file for reading only, beside the process that writes to it or without one."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from depot_sim.adapters.event_store.sqlite_queries import SQLiteQueries
from depot_sim.adapters.event_store.sqlite_reader import FileReader
from depot_sim.adapters.event_store.sqlite_schema import require_store
from depot_sim.application.event_log import Append, EventLog, Snapshot
from depot_sim.domain.kernel.errors import StoreError

POLL_SECONDS = 0.02
"""How often a waiting reader looks for commits of the writing process."""


class SQLiteReadLog(SQLiteQueries, EventLog):
    """An EventLog whose writing methods raise StoreError."""

    def __init__(self, path: Path) -> None:
        """Raises StoreUnreadable, StoreTooNew, or StoreError when the file holds no store."""
        require_store(path)
        self._reader = FileReader(path)
        self._closing = threading.Event()

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        return self._reader.fetch(sql, parameters)

    def append(self, append: Append) -> Sequence[int]:  # noqa: ARG002 - refused, whatever it is
        raise _reads_only()

    def append_many(self, appends: Sequence[Append]) -> Sequence[Sequence[int] | Exception]:  # noqa: ARG002 - the same
        raise _reads_only()

    def check_writable(self) -> None:
        raise _reads_only()

    def save_snapshot(self, snapshot: Snapshot) -> None:  # noqa: ARG002 - the same
        raise _reads_only()

    def wait_beyond(self, position: int, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while not self._closing.is_set():
            if self.head() > position:
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._closing.wait(min(POLL_SECONDS, left))
        return False

    def close(self) -> None:
        self._closing.set()
        self._reader.close()


def _reads_only() -> StoreError:
    return StoreError("this event store is opened for reading only", "open it for writing")
