"""A request of a partner as the HTTP side hands it over, and the reply it has to give."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from depot_sim.application.http import Headers

MOST_BODY_BYTES = 2**20
"""Of a longer body only this much is handed over."""


class Arrival(msgspec.Struct):
    """`path` is what follows the service's prefix ("handshake"), header names are in lower case.

    `body` holds at most MOST_BODY_BYTES, `body_bytes` says how many there were. `sender` is the client's address.
    With `requires_credentials`, a session that has no inbound credentials must refuse the request.
    """

    method: str
    path: str
    headers: Headers
    body: bytes
    body_bytes: int
    sender: str = ""
    requires_credentials: bool = False
    _first: dict[str, str] | None = None

    def header(self, name: str) -> str:
        """The first value, or nothing."""
        if self._first is None:
            self._first = dict(reversed(self.headers))
        return self._first.get(name, "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


class Reply(NamedTuple):
    """Status 0: leave the request without an answer until its sender gives up."""

    status: int
    headers: Headers = ()
    body: bytes = b""


NO_REPLY = Reply(0)
