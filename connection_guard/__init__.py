"""Stands between a server's sockets and its HTTP parser. Knows nothing of the product and of any one HTTP server."""

from depot_sim.connection_guard.asgi import GuardedApplication
from depot_sim.connection_guard.bodies import BodyMemory
from depot_sim.connection_guard.connection import GuardedConnection, current_connection
from depot_sim.connection_guard.guard import ConnectionGuard
from depot_sim.connection_guard.limited_body import LimitedBody
from depot_sim.connection_guard.limits import Limits

__all__ = [
    "BodyMemory",
    "ConnectionGuard",
    "GuardedApplication",
    "GuardedConnection",
    "LimitedBody",
    "Limits",
    "current_connection",
]
