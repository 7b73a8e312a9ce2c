"""All connections of one server, and the limits that they share."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial

from depot_sim.connection_guard.connection import GuardedConnection
from depot_sim.connection_guard.limits import Limits
from depot_sim.connection_guard.turns import CallSoon, Turns
from depot_sim.connection_guard.waiting import OfClient, first_to_leave

_MOST_SECONDS_BETWEEN_CHECKS = 1.0
_CHECKS_PER_LIMIT = 4
_CHECKED_AT_ONCE = 20
_PARTS_AT_ONCE = 8
"""Parts of requests that are read in one iteration of the loop: thousands may come in the same one."""
_STREAMS_AT_ONCE = 2
"""Requests for event streams that begin in one iteration of the loop. Each takes about as long as any other request."""
MOST_LEAVING = 256
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
        self._leaving: set[GuardedConnection] = set()
        """Connections that are refused, or have to make room for another; they are not counted."""
        self._clients: defaultdict[str, OfClient[GuardedConnection]] = defaultdict(OfClient)
        self._is_checking = False

    @property
    def open_connections(self) -> int:
        return len(self._open)

    def connection(self, make_protocol: Callable[[], asyncio.Protocol]) -> GuardedConnection:
        """A protocol for a new connection, which holds the one that is made."""
        return GuardedConnection(self, make_protocol)

    def abort_all(self) -> None:
        """End every connection at once."""
        for connection in (*self._open, *self._leaving):
            connection.abort()

    # What connections report

    def opened(self, connection: GuardedConnection) -> str:
        """Count the connection. Where there is no room for it, and none can be made, the reason; nothing otherwise."""
        self._check_later()
        reason, other = self._too_many(connection.client)
        if reason and other is None:
            self._let_leave(connection)
            return reason
        if other is not None:
            self._uncount(other)
            self.refused(503)
            self._let_leave(other)
            other.make_room(reason)
        self._open.add(connection)
        self.of_client(connection.client).count += 1
        return ""

    def of_client(self, client: str) -> OfClient[GuardedConnection]:
        return self._clients[client]

    def closed(self, connection: GuardedConnection) -> None:
        if connection in self._leaving:
            self._leaving.discard(connection)
        else:
            self._uncount(connection)

    def refused(self, status: int) -> None:
        """Count the refusal."""
        self.refusals[status] += 1

    # Within

    def _too_many(self, client: str) -> tuple[str, GuardedConnection | None]:
        """Why there are too many with a further one of the client, and which one can make room."""
        limits, clients = self.limits, self._clients
        if client in clients and clients[client].count >= limits.connections_per_address:
            reason = f"There are {limits.connections_per_address} connections from your address, which is the most."
            return reason, first_to_leave([clients[client]])
        if len(self._open) >= limits.connections:
            reason = f"There are {limits.connections} connections, which is the most."
            return reason, first_to_leave(clients.values())
        return "", None

    def _let_leave(self, connection: GuardedConnection) -> None:
        self._leaving.add(connection)
        if len(self._leaving) > MOST_LEAVING:
            connection.abort()

    def _uncount(self, connection: GuardedConnection) -> None:
        self._open.discard(connection)
        of_client = self._clients[connection.client]
        of_client.count -= 1
        if not of_client.count:
            del self._clients[connection.client]

    def _check_later(self) -> None:
        if not self._is_checking:
            self._is_checking = True
            self._call_later(self._interval, self._check)

    def _check(self) -> None:
        """Check all connections, a few at a time: others wait for responses while thousands are refused."""
        self._check_next([*self._open, *self._leaving])

    def _check_next(self, connections: list[GuardedConnection]) -> None:
        now = self.clock()
        for connection in connections[-_CHECKED_AT_ONCE:]:
            connection.check(now)
        del connections[-_CHECKED_AT_ONCE:]
        if connections:
            self._call_later(0.0, partial(self._check_next, connections))
            return
        self._is_checking = False
        if self._open or self._leaving:
            self._check_later()


def _call_later(seconds: float, callback: Callable[[], None]) -> object:
    return asyncio.get_running_loop().call_later(seconds, callback)
