"""Who may do what: a guard before every handler. The front door has checked the token before."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from depot_sim.adapters.control_api.problems import Forbidden, Unauthorised
from depot_sim.application.access.actors import ADMISSION, NOT_ADMITTED, Actor, Admission, Role

_READING = ("GET", "HEAD", "OPTIONS")

OPEN = {"open": True}
"""In a handler's `opt`: no token is needed."""
FOR_OPERATORS = {"for_operators": True}
"""In a handler's `opt`: a viewer may not read it."""

Connection = ASGIConnection[Any, Actor, Any, Any]


def guard(connection: Connection, handler: BaseRouteHandler) -> None:
    """Set the connection's user. Raises Unauthorised or Forbidden."""
    if handler.opt.get("open"):
        return
    admission: Admission = connection.scope.get(ADMISSION, NOT_ADMITTED)  # type: ignore[assignment]
    actor = admission.actor
    if actor is None:
        raise Unauthorised("the request has no bearer token", "send the header Authorization: Bearer TOKEN")
    method: str = getattr(connection, "method", "GET")
    if actor.role is not Role.OPERATOR and method not in _READING:
        raise Forbidden(f"{actor.name} is a {actor.role} and may only read", "use the token of an operator")
    if actor.role is not Role.OPERATOR and handler.opt.get("for_operators"):
        raise Forbidden(f"{actor.name} is a {actor.role}, and only operators may read this", "use an operator's token")
    connection.scope["user"] = actor
