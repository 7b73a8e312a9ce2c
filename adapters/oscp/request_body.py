"""Reading a request's body with bounded memory, whatever its sender says or does."""

from __future__ import annotations

from typing import NamedTuple

from adapters.oscp.asgi import Receive
from application.oscp.arrivals import MOST_BODY_BYTES

MOST_COUNTED_BYTES = 64 * 2**20
"""Of a longer body the rest is not waited for."""


class Body(NamedTuple):
    """The beginning of a body, and its length; one that is not `complete` is longer than that."""

    kept: bytes
    length: int
    complete: bool = True


async def read_body(receive: Receive) -> Body | None:
    """None when the sender went away before its end."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        return Body(body[:MOST_BODY_BYTES], len(body))
    kept, length = bytearray(), 0
    while message["type"] == "http.request":
        chunk = message.get("body", b"")
        length += len(chunk)
        kept += chunk[: MOST_BODY_BYTES - len(kept)]
        more = message.get("more_body", False)
        if not more or length > MOST_COUNTED_BYTES:
            return Body(bytes(kept), length, complete=not more)
        message = await receive()
    return None
