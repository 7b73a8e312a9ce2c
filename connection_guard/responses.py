"""The responses that the guard gives itself: problem documents (RFC 9457), after which the connection is closed."""

from __future__ import annotations

import json
from email.utils import formatdate
from http import HTTPStatus

MEDIA_TYPE = "application/problem+json"


def problem(status: int, detail: str, prefix: str) -> bytes:
    """The body. `prefix` is `Limits.problem_prefix`."""
    title = HTTPStatus(status).phrase
    type = prefix + title.lower().replace(" ", "-") if prefix else "about:blank"
    return json.dumps({"type": type, "title": title, "status": status, "detail": detail}).encode()


def response(status: int, detail: str, prefix: str) -> bytes:
    """The whole response, as HTTP/1.1."""
    body = problem(status, detail, prefix)
    lines = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"date: {formatdate(usegmt=True)}",
        f"content-type: {MEDIA_TYPE}",
        f"content-length: {len(body)}",
        "connection: close",
        "",
        "",
    )
    return "\r\n".join(lines).encode("ascii") + body
