"""Proof that an owner of leases is alive: an advisory lock in PostgreSQL, bound to a connection of the process.

PostgreSQL releases the lock when the connection ends, which it does as soon as the process is dead. A process that
only stands still keeps it. When the server or the network ends the connection of a living process, the lock is taken
again at the next call; until then a process of the same name may take its runs, which fencing makes safe.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg

from depot_sim.adapters.event_store.postgres_datastore import translated_errors

OWNER_LOCK_KEY = b"hashtextextended('depot-sim owner ' || %s, 0)"
_TRY_LOCK = b"SELECT pg_try_advisory_lock(" + OWNER_LOCK_KEY + b")"
_PING = b"SELECT 1"
_KEEP_SECONDS = 0.5

_Connection = psycopg.Connection[tuple[Any, ...]]


class OwnerLocks:
    """Call keep() or hold() at least as often as leases are renewed. Methods raise StoreError."""

    def __init__(self, connect: Callable[[], _Connection]) -> None:
        self._connect = connect
        self._turn = threading.Lock()
        self._connection: _Connection | None = None
        self._held_at = 0.0
        self._locked: dict[str, bool] = {}
        """By owner, whether this connection has its lock."""

    def hold(self, owner: str) -> None:
        """Hold the locks of this owner and of all that were named before."""
        with self._turn, translated_errors():
            self._locked.setdefault(owner, False)
            self._hold_all()

    def keep(self) -> None:
        """As hold() for all owners named so far, but does nothing when that was done in the last 0.5 s."""
        with self._turn, translated_errors():
            if self._locked and time.monotonic() - self._held_at > _KEEP_SECONDS:
                self._hold_all()

    def close(self) -> None:
        with self._turn:
            self._disconnect()

    def _hold_all(self) -> None:
        connection = self._living_connection()
        for name in [name for name, locked in self._locked.items() if not locked]:
            # False while the server has not yet noticed that an earlier connection of ours is gone: that holds it.
            ((self._locked[name],),) = connection.execute(_TRY_LOCK, (name,)).fetchall()
        self._held_at = time.monotonic()

    def _living_connection(self) -> _Connection:
        if self._connection is not None:
            try:
                self._connection.execute(_PING)
            except psycopg.Error:
                self._disconnect()
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        self._locked = dict.fromkeys(self._locked, False)
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()
