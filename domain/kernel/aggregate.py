"""The base of every aggregate: a state folded from events by a table of handlers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from depot_sim.domain.kernel.events import Event

S = TypeVar("S")


class Basis:
    """What decisions are made on one after the other, the later ones before the earlier ones are written.

    It `is_lost` as soon as one of them was not written: those made after it must not be written either.
    """

    __slots__ = ("is_lost",)

    def __init__(self) -> None:
        self.is_lost = False


class Aggregate(Generic[S]):
    """Decides on events and folds them. `version` counts the events folded, `pending` those not saved yet.

    Aggregates that are decided on together have the same `basis`.
    """

    handlers: ClassVar[Mapping[type[Event], Callable[[Any, Any], None]]] = {}
    __slots__ = ("basis", "pending", "state", "stream", "version")

    def __init__(self, stream: str, state: S, version: int = 0) -> None:
        self.stream = stream
        self.state = state
        self.version = version
        self.pending: list[Event] = []
        self.basis = Basis()

    def emit(self, event: Event) -> None:
        """Apply a new event and keep it for the next save."""
        self.handlers[type(event)](self.state, event)
        self.version += 1
        self.pending.append(event)

    def fold(self, events: Iterable[Event]) -> None:
        """Apply recorded events, oldest first."""
        handlers, state = self.handlers, self.state
        for event in events:
            handlers[type(event)](state, event)
            self.version += 1

    def take_pending(self) -> list[Event]:
        pending, self.pending = self.pending, []
        return pending
