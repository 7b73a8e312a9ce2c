"""Who may do what: a guard before every handler."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from adapters.control_api.backend import Backend
from adapters.control_api.problems import Forbidden, Unauthorised
from adapters.control_api.tokens import Actor, Role, Tokens

_LOCAL = Actor("local", Role.OPERATOR)
_READING = ("GET", "HEAD", "OPTIONS")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

OPEN = {"open": True}
"""In a handler's `opt`: no token is needed."""

Connection = ASGIConnection[Any, Actor, Any, Any]


def guard(connection: Connection, handler: BaseRouteHandler) -> None:
    """Set the connection's user. Raises Unauthorised or Forbidden."""
    backend: Backend = connection.app.state.backend
    if handler.opt.get("open"):
        return
    method: str = getattr(connection, "method", "GET")
    actor = _by_token(connection, backend.tokens) if backend.tokens else _local(connection, method)
    if method not in _READING and actor.role is not Role.OPERATOR:
        raise Forbidden(f"{actor.name} is a {actor.role} and may only read", "use the token of an operator")
    connection.scope["user"] = actor


def _by_token(connection: Connection, tokens: Tokens) -> Actor:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorised("the request has no bearer token", "send the header Authorization: Bearer TOKEN")
    actor = tokens.actor(token.strip())
    if actor is None:
        raise Unauthorised("the token is not known here", "see DEPOT_SIM_TOKENS of the service")
    return actor


def _local(connection: Connection, method: str) -> Actor:
    """Without tokens everybody on this machine is trusted, but no web page in their browsers."""
    host = connection.headers.get("host", "")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if name not in _LOOPBACK:
        raise Forbidden(f"without tokens this service answers for {', '.join(_LOOPBACK)} only", "configure tokens")
    origin = connection.headers.get("origin")
    if origin is not None and method not in _READING and urlsplit(origin).netloc != host:
        raise Forbidden("a page of another origin may not change anything", "configure tokens and send one")
    return _LOCAL
