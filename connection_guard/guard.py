"""All connections of one server, and the limits that they share."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from depot_sim.connection_guard.connection import GuardedConnection
from depot_sim.connection_guard.limits import Limits
from depot_sim.connection_guard.turns import CallSoon, Turns

_MOST_SECONDS_BETWEEN_CHECKS = 1.0
_CHECKS_PER_LIMIT = 4
_CHECKED_AT_ONCE = 20
_PARTS_AT_ONCE = 8
"""Parts of requests that are read in one iteration of the loop: thousands may come in the same one."""
_STREAMS_AT_ONCE = 2
"""Requests for event streams that begin in one iteration of the loop. Each takes about as long as any other request."""
MOST_REFUSED_OPEN = 256
"""Connections that are told why they are refused; while there are more, others are only closed."""

CallLater = Callable[[float, Callable[[], None]], object]


class ConnectionGuard:
    """Makes guarded connections, counts them, and checks their time.

    Time is checked once a second, or four times within the shortest limit: that much later than its limit a connection
    may be closed. `clock` is in seconds and never goes back; `call_later` and `call_soon`
    are by default those of the running loop.
    """

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        call_later: CallLater | None = None,
        call_soon: CallSoon | None = None,
    ) -> None:
        self.limits = limits
        self.clock = clock
        self.parts = Turns(_PARTS_AT_ONCE, call_soon)
        self.streams = Turns(_STREAMS_AT_ONCE, call_soon)
        self.refusals: Counter[int] = Counter()
        """How often the guard has refused, by HTTP status."""
        self._call_later = call_later or _call_later
        self._interval = min(
            _MOST_SECONDS_BETWEEN_CHECKS,
            min(limits.head_seconds, limits.body_seconds, limits.response_seconds, limits.idle_seconds)
            / _CHECKS_PER_LIMIT,
        )
        self._open: set[GuardedConnection] = set()
        self._refused: set[GuardedConnection] = set()
        self._by_client: Counter[str] = Counter()
        self._is_checking = False

    @property
    def open_connections(self) -> int:
        return len(self._open)

    def connection(self, make_protocol: Callable[[], asyncio.Protocol]) -> GuardedConnection:
        """A protocol for a new connection, which holds the one that is made."""
        return GuardedConnection(self, make_protocol)

    def abort_all(self) -> None:
        """End every connection at once."""
        for connection in (*self._open, *self._refused):
            connection.abort()

    # What connections report

    def opened(self, connection: GuardedConnection) -> str:
        """Count the connection. The reason when there are too many, which are to be refused; nothing otherwise."""
        self._check_later()
        reason = self._too_many(connection.client)
        if reason:
            self._refused.add(connection)
            if len(self._refused) > MOST_REFUSED_OPEN:
                connection.abort()
        else:
            self._open.add(connection)
            self._by_client[connection.client] += 1
        return reason

    def closed(self, connection: GuardedConnection) -> None:
        if connection in self._refused:
            self._refused.discard(connection)
            return
        self._open.discard(connection)
        self._by_client[connection.client] -= 1
        if not self._by_client[connection.client]:
            del self._by_client[connection.client]

    def refused(self, status: int) -> None:
        """Count the refusal."""
        self.refusals[status] += 1

    # Within

    def _too_many(self, client: str) -> str:
        if len(self._open) >= self.limits.connections:
            return f"There are {self.limits.connections} connections, which is the most."
        if self._by_client[client] >= self.limits.connections_per_address:
            return f"There are {self.limits.connections_per_address} connections from your address, which is the most."
        return ""

    def _check_later(self) -> None:
        if not self._is_checking:
            self._is_checking = True
            self._call_later(self._interval, self._check)

    def _check(self) -> None:
        """Check all connections, a few at a time: others wait for responses while thousands are refused."""
        self._check_next([*self._open, *self._refused])

    def _check_next(self, connections: list[GuardedConnection]) -> None:
        now = self.clock()
        for connection in connections[-_CHECKED_AT_ONCE:]:
            connection.check(now)
        del connections[-_CHECKED_AT_ONCE:]
        if connections:
            self._call_later(0.0, partial(self._check_next, connections))
            return
        self._is_checking = False
        if self._open or self._refused:
            self._check_later()


def _call_later(seconds: float, callback: Callable[[], None]) -> object:
    return asyncio.get_running_loop().call_later(seconds, callback)
