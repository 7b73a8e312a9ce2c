"""Runner leases in PostgreSQL, by the server's clock alone.

Two processes may have the same owner name: the same address and host name in two network namespaces. So the table has
the name with a nonce of the process's start. A process takes the leases of a predecessor of its own name at once, but
only when that predecessor is proved dead: see OwnerLocks. The leases of a living process, whatever its name, are
free when they have expired.
"""

from __future__ import annotations

import secrets

from depot_sim.adapters.event_store.owner_locks import OWNER_LOCK_KEY, OwnerLocks
from depot_sim.adapters.event_store.postgres_datastore import StoreDatastore
from depot_sim.domain.kernel.errors import LeaseLost

_NONCE_BYTES = 8
_NAME = b"regexp_replace(lease.owner, '~[0-9a-f]{16}$', '')"
"""The owner without the nonce. Older versions stored none."""

# CASE, so that only keys of one's own name are tried. The shared lock is released at the end of the statement, and two
# processes that try at once do not see each other.
_IS_FREE = (
    b"(lease.expires <= clock_timestamp() OR lease.owner = %(me)s OR CASE WHEN "
    + _NAME
    + b" = %(name)s THEN pg_try_advisory_xact_lock_shared("
    + OWNER_LOCK_KEY.replace(b"%s", b"lease.owner")
    + b") ELSE false END)"
)
_ACQUIRE = (
    b"""
    INSERT INTO leases AS lease (run, owner, token, expires)
    VALUES (%(run)s, %(me)s, 1, clock_timestamp() + %(ttl)s * interval '1 second')
    ON CONFLICT (run) DO UPDATE SET owner = excluded.owner, token = lease.token + 1,
        expires = excluded.expires, retired = false
    WHERE """
    + _IS_FREE
    + b" RETURNING token"
)
_RENEW = b"""
    UPDATE leases SET expires = clock_timestamp() + %s * interval '1 second' WHERE run = %s AND token = %s
    RETURNING token"""
# The token moves on, so that what the old holder still has under way is refused.
_RELEASE = b"UPDATE leases SET owner = '', token = token + 1, expires = '-infinity' WHERE run = %s AND token = %s"
_RETIRE = b"""
    UPDATE leases SET owner = '', token = token + 1, expires = '-infinity', retired = true
    WHERE run = %s AND token = %s"""
_UNHELD = b"SELECT run FROM leases AS lease WHERE NOT retired AND " + _IS_FREE + b" ORDER BY run"
_HOLDER = b"SELECT " + _NAME + b" FROM leases AS lease WHERE run = %s AND expires > clock_timestamp()"


class PostgresLeases:
    def __init__(self, datastore: StoreDatastore) -> None:
        self._datastore = datastore
        self._nonce = secrets.token_hex(_NONCE_BYTES)
        self._owners = OwnerLocks(datastore.connect)

    def acquire(self, run_id: str, owner: str, ttl_seconds: float) -> int | None:
        names = self._names(owner)
        granted = self._datastore.call(_ACQUIRE, {"run": run_id, "ttl": float(ttl_seconds), **names})
        return int(granted[0][0]) if granted else None

    def renew(self, run_id: str, token: int, ttl_seconds: float) -> None:
        self._owners.keep()
        if not self._datastore.call(_RENEW, (float(ttl_seconds), run_id, token)):
            raise LeaseLost(run_id, token)

    def release(self, run_id: str, token: int) -> None:
        self._datastore.call(_RELEASE, (run_id, token))

    def retire(self, run_id: str, token: int) -> None:
        self._datastore.call(_RETIRE, (run_id, token))

    def unheld(self, owner: str) -> list[str]:
        return [str(run) for (run,) in self._datastore.fetch(_UNHELD, self._names(owner))]

    def holder(self, run_id: str) -> str | None:
        found = self._datastore.fetch(_HOLDER, (run_id,))
        return str(found[0][0]) if found else None

    def close(self) -> None:
        self._owners.close()

    def _names(self, owner: str) -> dict[str, str]:
        """The owner as stored, proved alive before it holds anything, and by name."""
        me = f"{owner}~{self._nonce}"
        self._owners.hold(me)
        return {"me": me, "name": owner}
