"""Refuses a request that gives a header twice of which only one value can count."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from depot_sim.domain.kernel.errors import Fault, InvalidInput

SINGLE_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "Last-Event-ID",
    "X-Correlation-ID",
    "X-Request-ID",
)
BY_NAME = {header.lower().encode(): header for header in SINGLE_HEADERS}


def check_single_headers(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard of all routes that need a token. Raises InvalidInput that names each such header.

    Proxies, servers and libraries differ in which of two values they take, so neither of them is what the client meant.
    """
    names = [name for name, _ in connection.scope["headers"]]
    if len(set(names)) == len(names) or handler.opt.get("open"):
        return
    counts = {header: names.count(name) for name, header in BY_NAME.items()}
    faults = [
        Fault(f"/{header}", f"the header {count} times", "the header once")
        for header, count in counts.items()
        if count > 1
    ]
    if faults:
        raise InvalidInput(faults)
