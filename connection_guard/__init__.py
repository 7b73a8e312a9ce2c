"""Stands between a server's sockets and its HTTP parser. Knows nothing of the product and of any one HTTP server."""

from connection_guard.asgi import GuardedApplication, connection_of
from connection_guard.connection import GuardedConnection

__all__ = ["GuardedApplication", "GuardedConnection", "connection_of"]
