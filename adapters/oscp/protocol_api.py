"""The protocol API without its HTTP: which paths and methods there are, and who receives what is sent to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from depot_sim.adapters.oscp.openapi import ROUTES, description
from depot_sim.application.oscp.inbound.arrivals import Arrival, Reply

PREFIX = "/oscp/cp/2.0"
DESCRIPTION_PATH = "openapi.json"

_POST_ONLY = ("POST",)
_METHODS = {
    DESCRIPTION_PATH: ("GET", "HEAD"),
    **{route.path: route.methods for route in ROUTES},
}


class Connection(Protocol):
    def abort(self) -> None:
        """End the connection at once, without a response."""

    def close_with_input(self) -> None:
        """Close the connection when the client closes its side, though a response is still to come."""


class Endpoint(NamedTuple):
    """`path` is what follows the prefix; requests are counted by `template`, so that unknown paths count as one."""

    path: str
    template: str
    methods: tuple[str, ...]


class ProtocolApi:
    """All that lies below `prefix`. Messages go to `receive`, those to unknown paths too; nothing is judged."""

    def __init__(self, receive: Callable[[Arrival], Awaitable[Reply]], prefix: str = PREFIX) -> None:
        self.receive = receive
        self._prefix = prefix
        self._endpoints = {
            f"{prefix}/{path}": Endpoint(path, f"{prefix}/{path}", methods) for path, methods in _METHODS.items()
        }
        self._description = Reply(200, (("content-type", "application/json"),), description(prefix))
        self._unanswered: set[Connection] = set()
        self._is_closed = False

    def endpoint(self, path: str) -> Endpoint | None:
        """What a whole path leads to; None when it does not lie below the prefix."""
        known = self._endpoints.get(path)
        if known is not None:
            return known
        if path == self._prefix or path.startswith(f"{self._prefix}/"):
            return Endpoint(path[len(self._prefix) + 1 :], f"{self._prefix}/*", _POST_ONLY)
        return None

    def reply_at_once(self, method: str, endpoint: Endpoint) -> Reply | None:
        """The reply to a request that is no message."""
        if method not in endpoint.methods:
            return Reply(405, (("allow", ", ".join(endpoint.methods)),))
        return self._description if endpoint.path == DESCRIPTION_PATH else None

    def leave_unanswered(self, connection: Connection) -> None:
        """Remember the connection until `forget`; `close` aborts it. Aborts it now when the API is closed."""
        if self._is_closed:
            connection.abort()
        else:
            self._unanswered.add(connection)
            connection.close_with_input()

    def forget(self, connection: Connection) -> None:
        self._unanswered.discard(connection)

    def close(self) -> None:
        """Abort every connection whose request is left without a response, now and from now on."""
        self._is_closed = True
        for connection in tuple(self._unanswered):
            connection.abort()
