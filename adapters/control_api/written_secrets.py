"""Refuses a request whose path, query or recorded headers hold a secret. A body is checked when it is parsed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from depot_sim.adapters.control_api.single_headers import BY_NAME
from depot_sim.domain.kernel.pointer import child
from depot_sim.domain.kernel.written_secrets import SecretIn, SecretWritten

_RECORDED = (b"idempotency-key", b"x-request-id", b"x-correlation-id")
"""Headers whose value is recorded with the events of the request, or named in errors."""

Connection = ASGIConnection[Any, Any, Any, Any]


def refuse_secrets_in_head(connection: Connection, handler: BaseRouteHandler) -> None:
    """A guard of all routes that need a token; others would let strangers guess. Raises SecretWritten.

    The name of a query parameter is not repeated: a fault in it has the pointer /query.
    """
    if handler.opt.get("open"):
        return
    secret_in: SecretIn = connection.app.state.backend.secret_in
    scope = connection.scope
    path, query = scope["path"], scope["query_string"].decode("latin-1")
    headers = [(f"/{BY_NAME[name]}", value.decode("latin-1")) for name, value in scope["headers"] if name in _RECORDED]
    if secret_in("\n".join([path, query, *(value for _, value in headers)])) is None:
        return
    found = [(pointer, secret_in(text)) for pointer, text in [("/path", path), *_of_query(query, secret_in), *headers]]
    faults = [secret.fault(pointer) for pointer, secret in found if secret is not None]
    if faults:
        raise SecretWritten(faults)


def _of_query(query: str, secret_in: SecretIn) -> Iterator[tuple[str, str]]:
    """The parameters; the whole when a name, or several of them together, hold a secret."""
    parameters = parse_qsl(query, keep_blank_values=True)
    is_by_parameter = any(secret_in(value) for _, value in parameters)
    if is_by_parameter and not any(secret_in(name) for name, _ in parameters):
        yield from ((child("", name), value) for name, value in parameters)
    else:
        yield "/query", query
