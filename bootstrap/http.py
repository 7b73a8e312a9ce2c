"""The HTTP server, composed: one ASGI application for every surface, the connection guard, uvicorn's settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from depot_sim.adapters.control_api import create_app
from depot_sim.adapters.metrics import MeteredApp
from depot_sim.application.memory import MemoryBudget
from depot_sim.bootstrap.front_door import ProtocolSurface, behind_front_door
from depot_sim.bootstrap.service import Service
from depot_sim.connection_guard import (
    BodyMemory,
    ConnectionGuard,
    GuardedApplication,
    GuardedConnection,
    Limits,
)

RESPONSE_SECONDS_WHEN_STOPPING = 1.5
"""What is not answered by then is cut off, so that the process is out within 5 s. uvicorn would cut it off later, and
write an error for each request."""
_TASK_SECONDS_WHEN_STOPPING = 3


class Dispatcher:
    """Passes requests at or below a path prefix to the application of that prefix, all others to `default`."""

    def __init__(self, applications: Mapping[str, Any], default: Any) -> None:
        self._applications = [(prefix, f"{prefix}/", app) for prefix, app in applications.items()]
        self._default = default

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        for prefix, below, app in self._applications:
            if path.startswith(below) or path == prefix:
                await app(scope, receive, send)
                return
        await self._default(scope, receive, send)


class HttpSide:
    """Everything of a service that faces HTTP clients."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._service = service
        self._limits = limits
        self.guard = ConnectionGuard(limits)
        control = create_app(service.backend)
        dispatcher = Dispatcher(service.applications, control)
        surfaces = behind_front_door(dispatcher, control, service.doors)
        memory_of = body_memory(limits, service.backend.memory, service.doors.surfaces)
        self._app = GuardedApplication(surfaces, limits, memory_of)
        metrics, guard = service.metrics, self.guard
        metrics.watch("depot_sim_http_connections", "Open connections", "", lambda: [("", guard.open_connections)])
        metrics.watch(
            "depot_sim_http_refusals",
            "Requests and connections refused by the limits of connections, by status",
            "status",
            lambda: [(str(status), count) for status, count in list(guard.refusals.items())],
        )

    def config(self) -> uvicorn.Config:
        """What uvicorn serves, and how."""
        return server_config(MeteredApp(self._app, self._service.metrics), self.guard)

    async def stop(self) -> None:
        """End what would go on for long: bodies that do not come, waiting reads, event streams, ignored messages."""
        self._app.stop()
        await self._service.stop_streams()

    def cut_off(self) -> None:
        """End what has not ended by itself."""
        self._app.cut_off()
        self.guard.abort_all()


def body_memory(
    limits: Limits, memory: MemoryBudget, surfaces: Sequence[ProtocolSurface]
) -> Callable[[str], BodyMemory]:
    """The memory for the body of a request to a path.

    Each protocol surface, whose senders have not shown a valid token before the body, has half of it at most.
    """
    control = BodyMemory(limits.body_bytes_under_way, shortage=memory.shortage_for_bodies)
    half = limits.body_bytes_under_way // 2
    protocols = [
        (f"{surface.prefix}/", BodyMemory(half, kept_bytes=surface.kept_body_bytes, within=control))
        for surface in surfaces
    ]

    def memory_of(path: str) -> BodyMemory:
        return next((protocol for below, protocol in protocols if path.startswith(below)), control)

    return memory_of


def server_config(app: Any, guard: ConnectionGuard) -> uvicorn.Config:
    """The settings of uvicorn with h11 behind the guard, with the same limits for heads and idle connections."""
    http: Any = partial(_guarded_h11, guard)
    return uvicorn.Config(
        app,
        http=http,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=guard.limits.head_bytes,
        timeout_keep_alive=max(1, round(guard.limits.idle_seconds)),
        timeout_graceful_shutdown=_TASK_SECONDS_WHEN_STOPPING,
    )


def _guarded_h11(guard: ConnectionGuard, **of_server: Any) -> GuardedConnection:
    """A connection as uvicorn asks for it; the arguments are those it gives to every HTTP protocol."""
    return guard.connection(partial(H11Protocol, **of_server))
