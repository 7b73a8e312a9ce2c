"""Reading a request's body with bounded memory, however long it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from depot_sim.application.oscp.inbound.arrivals import MOST_BODY_BYTES

MOST_COUNTED_BYTES = 64 * 2**20
"""The rest of a longer body is not read."""


class RequestBody:
    """The first MOST_BODY_BYTES of a body, and its length in bytes as far as it was read."""

    __slots__ = ("kept", "length")

    def __init__(self) -> None:
        self.kept = bytearray()
        self.length = 0

    @property
    def is_too_long(self) -> bool:
        return self.length > MOST_COUNTED_BYTES

    async def read(self, receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> bool:
        """Read to the end, or until it is too long. False: the client disconnected before the end."""
        more = True
        while more and not self.is_too_long:
            message = await receive()
            if message["type"] == "http.disconnect":
                return False
            chunk: bytes = message.get("body", b"")
            self.length += len(chunk)
            if len(self.kept) < MOST_BODY_BYTES:
                self.kept += chunk[: MOST_BODY_BYTES - len(self.kept)]
            more = message.get("more_body", False)
        return True
