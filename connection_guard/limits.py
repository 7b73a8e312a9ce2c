"""The limits of a server's connections."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bytes and seconds that a client may take, and connections that it may hold.

    `head_bytes` is for request line and headers of one request, `head_seconds` runs from the first byte of a head to
    its last. `body_seconds` is how long no byte of an unfinished body may come. Beyond that time a body has to come
    with `body_bytes_per_second` on average, see LimitedBody. `body_bytes_under_way` is for the bodies of all requests
    together, see BodyMemory.
    `response_seconds` is how long the client may take nothing of what was written. `idle_seconds` is how long a
    connection without a request stays open. `connections_per_address` counts an IPv6 network of 64 bits as one address.
    `problem_prefix` begins the type of the problem documents that refuse a request, such as "urn:example:problem:"; the
    words of the status follow. Without it their type is "about:blank".
    """

    head_bytes: int = 65_536
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    body_bytes_per_second: int = 16 * 2**10
    body_bytes_under_way: int = 256 * 2**20
    response_seconds: float = 60.0
    idle_seconds: float = 75.0
    connections: int = 4_096
    connections_per_address: int = 3_500
    problem_prefix: str = ""
