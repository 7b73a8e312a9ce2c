"""Stands between a server's sockets and its HTTP parser. Knows nothing of the product and of any one HTTP server."""

from connection_guard.asgi import GuardedApplication
from connection_guard.bodies import BodyMemory
from connection_guard.connection import GuardedConnection, current_connection
from connection_guard.guard import ConnectionGuard
from connection_guard.limited_body import LimitedBody
from connection_guard.limits import Limits

__all__ = [
    "BodyMemory",
    "ConnectionGuard",
    "GuardedApplication",
    "GuardedConnection",
    "LimitedBody",
    "Limits",
    "current_connection",
]
