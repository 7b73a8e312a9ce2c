"""A Reply as the bytes of an HTTP answer."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from application.http import Headers
from application.oscp.arrivals import Reply

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_WITHOUT_BODY = frozenset({204, 304})
_CLOSE = b"connection: close\r\n"


def answer_bytes(
    reply: Reply, server_headers: Iterable[tuple[bytes, bytes]], *, keep_alive: bool, has_body: bool = True
) -> bytes:
    """Head and body in one piece. Without `has_body` the head is that of the answer with one."""
    content = [STATUS_LINE[reply.status]]
    for name, value in server_headers:
        content += (name, b": ", value, b"\r\n")
    content.append(_lines(reply.headers))
    if reply.status not in _WITHOUT_BODY:
        content.append(b"content-length: %d\r\n" % len(reply.body))
    content.append(b"\r\n" if keep_alive else _CLOSE + b"\r\n")
    if has_body:
        content.append(reply.body)
    return b"".join(content)


@lru_cache
def _lines(headers: Headers) -> bytes:
    return "".join([f"{name.lower()}: {value}\r\n" for name, value in headers]).encode("latin-1")
