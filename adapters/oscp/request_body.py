"""Collecting a request's body with bounded memory, whatever its sender says or does."""

from __future__ import annotations

from application.oscp.arrivals import MOST_BODY_BYTES

MOST_COUNTED_BYTES = 64 * 2**20
"""Of a longer body the rest is not waited for."""


class RequestBody:
    """The beginning of a body, and how much of it has come."""

    __slots__ = ("kept", "length")

    def __init__(self) -> None:
        self.kept = bytearray()
        self.length = 0

    @property
    def is_endless(self) -> bool:
        return self.length > MOST_COUNTED_BYTES

    def add(self, chunk: bytes) -> None:
        self.length += len(chunk)
        if len(self.kept) < MOST_BODY_BYTES:
            self.kept += chunk[: MOST_BODY_BYTES - len(self.kept)]
