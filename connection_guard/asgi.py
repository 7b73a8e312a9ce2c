"""The guard's part inside the server: what an ASGI application learns of its connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from connection_guard.connection import CURRENT, GuardedConnection

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

EXTENSION = "depot_sim.connection"


def connection_of(scope: Scope) -> GuardedConnection:
    """The connection of a request that came through a GuardedApplication."""
    connection: GuardedConnection = scope["extensions"][EXTENSION]
    return connection


class GuardedApplication:
    """Adds the connection to the scope; turns a target in absolute form into a path and its host (RFC 9112 3.2.2)."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            connection = CURRENT.get()
            assert connection is not None, "the server's protocol is held by a GuardedConnection"
            scope.setdefault("extensions", {})[EXTENSION] = connection
            if not scope["path"].startswith("/"):
                _use_origin_form(scope)
        await self._app(scope, receive, send)


def _use_origin_form(scope: Scope) -> None:
    raw: bytes = scope["raw_path"]
    scheme, found, rest = raw.partition(b"://")
    if not found or scheme.lower() not in (b"http", b"https"):  # such as "*" of OPTIONS, or CONNECT's host and port
        return
    authority, _, path = rest.partition(b"/")
    scope["raw_path"] = b"/" + path
    scope["path"] = unquote(scope["raw_path"].decode("ascii"))
    scope["headers"] = [(name, authority if name == b"host" else value) for name, value in scope["headers"]]
