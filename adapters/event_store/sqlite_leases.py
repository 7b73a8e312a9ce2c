"""Runner leases in SQLite, by the machine's clock: every process that shares the file shares it too."""

from __future__ import annotations

import time

from adapters.event_store.sqlite_datastore import StoreDatastore
from domain.errors import LeaseLost

_ACQUIRE = """
    INSERT INTO leases (run, owner, token, expires) VALUES (:run, :owner, 1, :now + :ttl)
    ON CONFLICT (run) DO UPDATE SET owner = excluded.owner, token = token + 1, expires = excluded.expires, retired = 0
    WHERE expires <= :now OR owner = excluded.owner
    RETURNING token"""
_RENEW = "UPDATE leases SET expires = :now + :ttl WHERE run = :run AND token = :token"
# The token moves on, so that what the old holder still has under way is refused.
_RELEASE = "UPDATE leases SET owner = '', token = token + 1, expires = 0 WHERE run = :run AND token = :token"
_RETIRE = (
    "UPDATE leases SET owner = '', token = token + 1, expires = 0, retired = 1 WHERE run = :run AND token = :token"
)
_UNHELD = "SELECT run FROM leases WHERE NOT retired AND (expires <= ? OR owner = ?) ORDER BY run"
_HOLDER = "SELECT owner FROM leases WHERE run = ? AND expires > ?"


class SQLiteLeases:
    def __init__(self, datastore: StoreDatastore) -> None:
        self._datastore = datastore

    def acquire(self, run_id: str, owner: str, ttl_seconds: float) -> int | None:
        with self._datastore.writing() as cursor:
            values = {"run": run_id, "owner": owner, "now": _now(), "ttl": _microseconds(ttl_seconds)}
            granted = cursor.execute(_ACQUIRE, values).fetchone()
        return int(granted[0]) if granted else None

    def renew(self, run_id: str, token: int, ttl_seconds: float) -> None:
        with self._datastore.writing() as cursor:
            values = {"run": run_id, "token": token, "now": _now(), "ttl": _microseconds(ttl_seconds)}
            renewed = cursor.execute(_RENEW, values).rowcount
        if not renewed:
            raise LeaseLost(run_id, token)

    def release(self, run_id: str, token: int) -> None:
        with self._datastore.writing() as cursor:
            cursor.execute(_RELEASE, {"run": run_id, "token": token})

    def retire(self, run_id: str, token: int) -> None:
        with self._datastore.writing() as cursor:
            cursor.execute(_RETIRE, {"run": run_id, "token": token})

    def unheld(self, owner: str) -> list[str]:
        return [str(run) for (run,) in self._datastore.fetch(_UNHELD, (_now(), owner))]

    def holder(self, run_id: str) -> str | None:
        found = self._datastore.fetch(_HOLDER, (run_id, _now()))
        return str(found[0][0]) if found else None


def _now() -> int:
    return time.time_ns() // 1000


def _microseconds(seconds: float) -> int:
    return round(seconds * 1_000_000)
