"""What the `eventsourcing` library expects of a recorder, said in terms of the EventLog port.

So the library's repository, notification log and projections can read and write the same tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, IntegrityError, Notification, StoredEvent
from eventsourcing.persistence import Subscription as LibrarySubscription

from depot_sim.application.event_log import Append, EventLog, Filter, Row, StreamWrite
from depot_sim.domain.kernel.errors import VersionConflict
from depot_sim.domain.kernel.events import EncodedEvent

_PAGE = 500
_LOOK_SECONDS = 0.2


class LibraryRecorder(ApplicationRecorder, EventLog):
    """The library's side of a log; the port's side comes from the subclass."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        """Raises the library's IntegrityError on a conflict."""
        try:
            return self.append(Append(_as_writes(stored_events)))
        except VersionConflict as conflict:
            raise IntegrityError(conflict.detail) from conflict

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        rows = self.read_stream(str(originator_id), after=gt or 0, upto=lte, limit=limit, newest_first=desc)
        return [StoredEvent(row.stream, row.version, row.topic, row.state) for row in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        after = 0 if start is None else start - inclusive_of_start
        rows = self.read_all(after, limit, Filter(topics=tuple(topics)), upto=stop)
        return [_as_notification(row) for row in rows]

    def max_notification_id(self) -> int:
        return self.head()

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> RecorderSubscription:
        return RecorderSubscription(self, gt, topics)


class RecorderSubscription(LibrarySubscription[LibraryRecorder]):
    """Iterates over notifications without a thread of its own and without a lost wake-up."""

    def __init__(self, recorder: LibraryRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder, gt, topics)
        self._log = recorder
        self._wanted = Filter(topics=tuple(topics))
        self._position = gt or 0
        self._page: list[Notification] = []
        self._is_stopped = False

    def stop(self) -> None:
        super().stop()
        self._is_stopped = True

    def __next__(self) -> Notification:
        while not self._page:
            if self._is_stopped:
                raise StopIteration
            self._pull()
        if self._is_stopped:
            raise StopIteration
        return self._page.pop()

    def _pull(self) -> None:
        head = self._log.head()
        rows = self._log.read_all(self._position, _PAGE, self._wanted, upto=head)
        self._position = rows[-1].position if len(rows) == _PAGE else max(head, self._position)
        self._page = [_as_notification(row) for row in reversed(rows)]
        if not rows:
            self._log.wait_beyond(self._position, _LOOK_SECONDS)


def _as_notification(row: Row) -> Notification:
    return Notification(row.stream, row.version, row.topic, row.state, row.position)


def _as_writes(stored_events: Sequence[StoredEvent]) -> list[StreamWrite]:
    writes = []
    for stream, grouped in groupby(stored_events, attrgetter("originator_id")):
        events = list(grouped)
        encoded = [EncodedEvent(event.topic, event.state) for event in events]
        writes.append(StreamWrite(str(stream), events[0].originator_version - 1, encoded))
    return writes
