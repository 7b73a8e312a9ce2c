"""JSON pointers (RFC 6901): where in a document something is."""

from __future__ import annotations


def child(pointer: str, token: str | int) -> str:
    """The pointer to a member or an element of what `pointer` names."""
    return f"{pointer}/{str(token).replace('~', '~0').replace('/', '~1')}"


def item(pointer: str) -> str:
    """The top-level entry `pointer` lies in, such as "/vehicles/3" for "/vehicles/3/duties/0/returns"."""
    depth = 3 if pointer.startswith("/topology/") else 2
    return "/".join(pointer.split("/")[: depth + 1])
