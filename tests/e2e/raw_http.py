"""HTTP by hand: any bytes over any number of connections, and what comes back."""

from __future__ import annotations

import socket
from typing import Self
from urllib.parse import urlsplit

from tests.patience import patient


class Connection:
    """A connection to the service at a URL. Every wait is bounded, so that a hang fails.

    `source` is the address that it comes from, such as 127.0.0.2; by default the system chooses it.
    """

    def __init__(self, url: str, source: str = "") -> None:
        parts = urlsplit(url)
        address = parts.hostname or "", parts.port or 80
        self._socket = socket.create_connection(address, timeout=patient(30), source_address=(source, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> Self:
        self._socket.sendall(data)
        return self

    def received(self) -> bytes:
        """The next bytes; nothing when the connection has ended."""
        try:
            return self._socket.recv(2**16)
        except ConnectionError:
            return b""

    def until(self, end: bytes) -> None:
        """Receive these bytes, and what comes before them; fails when the connection ends before."""
        answer = b""
        while end not in answer:
            part = self.received()
            assert part, answer
            answer += part

    def to_the_end(self) -> bytes:
        """Everything until the connection ends."""
        answer = b""
        while part := self.received():
            answer += part
        return answer


def request(method: str, path: str, *headers: str, body: bytes = b"", length: int | None = None) -> bytes:
    """A request whose length is that of its body unless another is given."""
    lines = (f"{method} {path} HTTP/1.1", "Host: localhost", *headers)
    framing = f"Content-Length: {len(body) if length is None else length}"
    return "\r\n".join((*lines, framing, "", "")).encode() + body
