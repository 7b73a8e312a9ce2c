"""Runner leases in PostgreSQL, by the server's clock alone."""

from __future__ import annotations

from adapters.event_store.postgres_datastore import StoreDatastore
from domain.errors import LeaseLost

_ACQUIRE = b"""
    INSERT INTO leases (run, owner, token, expires)
    VALUES (%s, %s, 1, clock_timestamp() + %s * interval '1 second')
    ON CONFLICT (run) DO UPDATE SET owner = excluded.owner, token = leases.token + 1,
        expires = excluded.expires, retired = false
    WHERE leases.expires <= clock_timestamp() OR leases.owner = excluded.owner
    RETURNING token"""
_RENEW = b"""
    UPDATE leases SET expires = clock_timestamp() + %s * interval '1 second' WHERE run = %s AND token = %s
    RETURNING token"""
# The token moves on, so that what the old holder still has under way is refused.
_RELEASE = b"UPDATE leases SET owner = '', token = token + 1, expires = '-infinity' WHERE run = %s AND token = %s"
_RETIRE = b"""
    UPDATE leases SET owner = '', token = token + 1, expires = '-infinity', retired = true
    WHERE run = %s AND token = %s"""
_UNHELD = b"SELECT run FROM leases WHERE NOT retired AND (expires <= clock_timestamp() OR owner = %s) ORDER BY run"
_HOLDER = b"SELECT owner FROM leases WHERE run = %s AND expires > clock_timestamp()"


class PostgresLeases:
    def __init__(self, datastore: StoreDatastore) -> None:
        self._datastore = datastore

    def acquire(self, run_id: str, owner: str, ttl_seconds: float) -> int | None:
        granted = self._datastore.call(_ACQUIRE, (run_id, owner, float(ttl_seconds)))
        return int(granted[0][0]) if granted else None

    def renew(self, run_id: str, token: int, ttl_seconds: float) -> None:
        if not self._datastore.call(_RENEW, (float(ttl_seconds), run_id, token)):
            raise LeaseLost(run_id, token)

    def release(self, run_id: str, token: int) -> None:
        self._datastore.call(_RELEASE, (run_id, token))

    def retire(self, run_id: str, token: int) -> None:
        self._datastore.call(_RETIRE, (run_id, token))

    def unheld(self, owner: str) -> list[str]:
        return [str(run) for (run,) in self._datastore.fetch(_UNHELD, (owner,))]

    def holder(self, run_id: str) -> str | None:
        found = self._datastore.fetch(_HOLDER, (run_id,))
        return str(found[0][0]) if found else None
