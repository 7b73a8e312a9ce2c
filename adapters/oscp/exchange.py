"""A request for the protocol API and how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from adapters.oscp.protocol_api import Endpoint
from adapters.oscp.request_body import RequestBody
from application.oscp.arrivals import Arrival


class Exchange:
    """Takes the place of uvicorn's RequestResponseCycle; the attributes that uvicorn's own protocol looks at come last.

    `is_read` says that no more of the body is waited for, `began` when it was its turn to be answered.
    """

    __slots__ = (
        "began",
        "body",
        "disconnected",
        "endpoint",
        "expects_continue",
        "headers",
        "is_read",
        "keep_alive",
        "method",
        "response_complete",
    )

    message_event: ClassVar[asyncio.Event] = asyncio.Event()  # nobody waits for it

    def __init__(
        self,
        method: str,
        endpoint: Endpoint,
        headers: Sequence[tuple[bytes, bytes]],
        expects_continue: bool,
        keep_alive: bool,
    ) -> None:
        self.method = method
        self.endpoint = endpoint
        self.headers = headers
        self.expects_continue = expects_continue
        self.body = RequestBody()
        self.is_read = False
        self.began = 0.0
        self.keep_alive = keep_alive
        self.response_complete = False
        self.disconnected = False

    def arrival(self) -> Arrival:
        headers = tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.headers])
        return Arrival(self.method, self.endpoint.path, headers, bytes(self.body.kept), self.body.length)
