"""The latest messages of a connection, both ways, as they really were."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from msgspec import Struct

from depot_sim.standin.misbehaviour import Action, Direction

_KEPT = 2_000


class Entry(Struct):
    """One message. Its status is the answer's; where there is none (yet), `error` says why."""

    at: datetime
    direction: Direction
    message: str
    request_id: str | None
    correlation_id: str | None
    body: str
    status: int | None = None
    error: str | None = None
    misbehaviour: Action | None = None

    def conclude(self, status: int | None, error: str | None = None) -> None:
        self.status, self.error = status, error


@dataclass
class Journal:
    """Bounded: the oldest entries give way."""

    entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def note(self, entry: Entry) -> Entry:
        self.entries.append(entry)
        return entry

    def earlier_delivery_of(self, arrival: Entry) -> Entry | None:
        """The same message, if it was here before and was judged then."""
        return next((entry for entry in reversed(self.entries) if _is_judged_delivery(entry, arrival)), None)


def _is_judged_delivery(entry: Entry, arrival: Entry) -> bool:
    same = (entry.direction, entry.message, entry.request_id) == (
        Direction.INBOUND,
        arrival.message,
        arrival.request_id,
    )
    return same and entry.status is not None and entry.misbehaviour is not Action.STATUS
