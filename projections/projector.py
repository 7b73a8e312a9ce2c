"""What every projector is: from a page of the log to row changes of one read model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from depot_sim.application.event_log import Filter, Row
from depot_sim.domain.kernel.errors import DepotSimError, StoreError, UnknownTopic
from depot_sim.domain.kernel.events import Event, event_class, topics
from depot_sim.read_models.database import Database
from depot_sim.read_models.schema import ReadModel, Table
from depot_sim.read_models.store import Transaction


class Change(NamedTuple):
    """Rows for one table: new ones, or with `replace` also in place of those with the same key."""

    table: Table
    rows: Sequence[Sequence[object]]
    replace: bool = False


class Projector(Protocol):
    """Holds nothing that it could not find again in its tables, so any process may go on from any position."""

    @property
    def model(self) -> ReadModel: ...

    @property
    def where(self) -> Filter:
        """The only events it looks at."""

    def project(self, page: Sequence[Row], before: Database) -> Iterable[Change]:
        """What the page changes in the tables as they are before it. Raises PoisonEvent at one it cannot take."""


class PoisonEvent(DepotSimError):
    """An event that a projector cannot take."""

    type = "poison-event"
    title = "A read model cannot take an event"

    def __init__(self, row: Row, reason: Exception) -> None:
        super().__init__(
            f"{row.topic} at position {row.position}, version {row.version} of {row.stream}: {reason!r}",
            "its read model stands right before it and shows nothing newer; a newer depot-sim may be able to take it",
        )
        self.position = row.position


def each(page: Sequence[Row], take: Callable[[Row], None]) -> None:
    """Take one row after the other; say which one could not be taken."""
    row = None
    try:
        for row in page:
            take(row)
    except UnknownTopic as unknown:
        assert row is not None, "raised by a row"
        raise PoisonEvent(row, unknown) from unknown
    except StoreError:
        raise
    except Exception as error:
        assert row is not None, "raised by a row"
        raise PoisonEvent(row, error) from error


def write(changes: Iterable[Change], transaction: Transaction) -> None:
    for table, rows, replace in changes:
        if rows:
            (transaction.upsert if replace else transaction.insert)(table, rows)


def topics_of(*classes: type[Event]) -> tuple[str, ...]:
    """The topics of these events, and every older topic whose events become newer ones when they are read."""
    upcast = (topic for topic in topics() if hasattr(event_class(topic), "upcast"))
    return tuple(sorted({cls.TOPIC for cls in classes} | set(upcast)))
