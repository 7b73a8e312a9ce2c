"""Which connections wait for their clients, and which of them has to leave first when there are too many."""

from __future__ import annotations

from collections.abc import Collection
from operator import attrgetter
from typing import Generic, TypeVar

T = TypeVar("T")


class OfClient(Generic[T]):
    """The open connections of one client: how many, and those that wait for it, the longest waiting first.

    `unfinished` are those whose request has not arrived as a whole, from their beginning on, and refused ones; `idle`
    are those between two requests.
    """

    __slots__ = ("count", "idle", "unfinished")

    def __init__(self) -> None:
        self.count = 0
        self.unfinished: dict[T, None] = {}
        self.idle: dict[T, None] = {}


def first_to_leave(clients: Collection[OfClient[T]]) -> T | None:
    """The unfinished connection that has waited longest at the client that has the most of them, else an idle one."""
    for kind in (attrgetter("unfinished"), attrgetter("idle")):
        most: dict[T, None] = max(map(kind, clients), key=len, default={})
        if most:
            return next(iter(most))
    return None
