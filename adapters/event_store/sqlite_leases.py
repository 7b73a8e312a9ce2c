"""Runner leases in SQLite: fencing tokens without an expiry.

One process has the file's lock, so every lease of the file is its own: a holder that another process wrote into the
table is dead. Who holds what is therefore kept in memory, and no lease depends on a clock. The table keeps the tokens,
which an append checks, and which runs are retired.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

from depot_sim.adapters.event_store.sqlite_datastore import StoreDatastore
from depot_sim.domain.kernel.errors import LeaseLost

# Older versions stored when a lease expires and read it; 0 tells them that the lease is free.
_ACQUIRE = """
    INSERT INTO leases (run, owner, token, expires) VALUES (:run, :owner, 1, 0)
    ON CONFLICT (run) DO UPDATE SET owner = excluded.owner, token = token + 1, expires = 0, retired = 0
    RETURNING token"""
# The token moves on, so that what the old holder still has under way is refused.
_END = """
    UPDATE leases SET owner = '', token = token + 1, expires = 0, retired = :retired
    WHERE run = :run AND token = :token"""
_NOT_RETIRED = "SELECT run FROM leases WHERE NOT retired ORDER BY run"


class _Lease(NamedTuple):
    owner: str
    token: int


class SQLiteLeases:
    """Two owners within the process are kept apart as two processes would be; `ttl_seconds` has no effect."""

    def __init__(self, datastore: StoreDatastore) -> None:
        self._datastore = datastore
        self._held: dict[str, _Lease] = {}
        self._changing = threading.Lock()

    def acquire(self, run_id: str, owner: str, ttl_seconds: float) -> int | None:  # noqa: ARG002 - for PostgreSQL
        with self._changing:
            lease = self._held.get(run_id)
            if lease is not None and lease.owner != owner:
                return None
            with self._datastore.writing() as cursor:
                (token,) = cursor.execute(_ACQUIRE, {"run": run_id, "owner": owner}).fetchone()
            self._held[run_id] = _Lease(owner, int(token))
            return int(token)

    def renew(self, run_id: str, token: int, ttl_seconds: float) -> None:  # noqa: ARG002 - for PostgreSQL
        if not self._is_held(run_id, token):
            raise LeaseLost(run_id, token)

    def release(self, run_id: str, token: int) -> None:
        self._end(run_id, token, retired=False)

    def retire(self, run_id: str, token: int) -> None:
        self._end(run_id, token, retired=True)

    def unheld(self, owner: str) -> list[str]:
        runs = [str(run) for (run,) in self._datastore.fetch(_NOT_RETIRED)]
        return [run for run in runs if self.holder(run) in (None, owner)]

    def holder(self, run_id: str) -> str | None:
        lease = self._held.get(run_id)
        return lease.owner if lease is not None else None

    def _end(self, run_id: str, token: int, *, retired: bool) -> None:
        with self._changing:
            with self._datastore.writing() as cursor:
                cursor.execute(_END, {"run": run_id, "token": token, "retired": retired})
            if self._is_held(run_id, token):
                del self._held[run_id]

    def _is_held(self, run_id: str, token: int) -> bool:
        lease = self._held.get(run_id)
        return lease is not None and lease.token == token
