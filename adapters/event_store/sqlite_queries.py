"""Reading the log in SQLite: what the writing and the reading event log share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from depot_sim.adapters.event_store.queries import select_log, select_snapshot, select_stream
from depot_sim.application.event_log import EVERYTHING, Filter, Row, Snapshot

HEAD = "SELECT max(position) FROM events"
VERSION = "SELECT max(version) FROM events WHERE stream = ?"

# Row(*columns) would unpack and repack; this only relabels the tuple.
_as_row: Callable[[tuple[Any, ...]], Row] = partial(tuple.__new__, Row)


class SQLiteQueries(ABC):
    """The reading half of EventLog, over `fetch`."""

    @abstractmethod
    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """The rows of one SELECT, as tuples. Raises StoreError."""

    def read_stream(
        self,
        stream: str,
        *,
        after: int = 0,
        upto: int | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> list[Row]:
        return self._rows(*select_stream(stream, after, upto, limit, newest_first))

    def read_all(
        self,
        after: int = 0,
        limit: int = 1000,
        where: Filter = EVERYTHING,
        *,
        upto: int | None = None,
        newest_first: bool = False,
    ) -> list[Row]:
        # The sign keeps SQLite off the stream's index: it would sort the whole stream again for every page.
        return self._rows(*select_log(after, limit, where, upto, newest_first, stream_column="+stream"))

    def head(self) -> int:
        return self._number(HEAD)

    def stream_version(self, stream: str) -> int:
        return self._number(VERSION, (stream,))

    def latest_snapshot(
        self, stream: str, *, upto_version: int | None = None, upto_at: int | None = None
    ) -> Snapshot | None:
        found = self.fetch(*select_snapshot(stream, upto_version, upto_at))
        return Snapshot(*found[0]) if found else None

    def _rows(self, sql: str, parameters: Sequence[Any]) -> list[Row]:
        return list(map(_as_row, self.fetch(sql, parameters)))

    def _number(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        ((number,),) = self.fetch(sql, parameters)
        return number or 0
