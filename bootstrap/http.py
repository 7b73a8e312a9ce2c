"""The HTTP server, composed: one ASGI application for every surface, and uvicorn's settings."""

from __future__ import annotations

from functools import partial
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from adapters.control_api import create_app
from adapters.metrics import MeteredApp
from adapters.oscp import PREFIX, OscpApplication
from bootstrap.service import Service
from connection_guard import GuardedApplication, GuardedConnection, connection_of

_GRACE_SECONDS = 10


class Dispatcher:
    """Passes requests at or below a path prefix to the application of that prefix, all others to `default`."""

    def __init__(self, applications: dict[str, Any], default: Any) -> None:
        self._applications = [(prefix, f"{prefix}/", app) for prefix, app in applications.items()]
        self._default = default

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        for prefix, below, app in self._applications:
            if path.startswith(below) or path == prefix:
                await app(scope, receive, send)
                return
        await self._default(scope, receive, send)


def server_config(service: Service) -> uvicorn.Config:
    """What uvicorn serves, and how."""
    oscp = OscpApplication(service.oscp.protocol, connection_of)
    surfaces = Dispatcher({PREFIX: oscp}, create_app(service.backend))
    http: Any = guarded_h11
    return uvicorn.Config(
        GuardedApplication(MeteredApp(surfaces, service.metrics)),
        http=http,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


def guarded_h11(**of_server: Any) -> GuardedConnection:
    """A connection as uvicorn asks for it; the arguments are those it gives to every HTTP protocol."""
    return GuardedConnection(partial(H11Protocol, **of_server))
