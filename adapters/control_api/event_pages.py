"""Pages of events as bytes, read and encoded once for all streams that are at the same place of the log."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from depot_sim.application.event_log import EventLog, Filter, Row
from depot_sim.application.subscription import Tail, read_page

Encode = Callable[[Iterable[Row]], bytes]

_ROWS = 100
"""Read at once: enough to be fast, few enough that large events cost little memory."""
_KEPT_BYTES = 4 * 2**20
_PIECE_BYTES = 16 * 2**10


class Selection(NamedTuple):
    """Which events, in order of position: those after `after` that match, up to the first one that `ends`."""

    after: int
    where: Filter
    ends: Callable[[Row], bool] | None = None

    def cut(self, rows: list[Row]) -> tuple[list[Row], bool]:
        """The rows that belong to the selection, and whether it ends with them."""
        if self.ends is not None:
            for index, row in enumerate(rows):
                if self.ends(row):
                    return rows[:index], True
        return rows, False


class EncodedPage(NamedTuple):
    """So many events in pieces of about 16 KiB. `upto` is where the next page begins; `more`: it is there already."""

    pieces: tuple[bytes, ...]
    events: int
    upto: int
    more: bool = False
    ended: bool = False


class EventPages:
    """Reads pages of the log in one thread, a page for each stream in turn, so that other reads have all the others.

    A full page never changes, so it is kept for the next stream that comes to its place, up to 4 MiB in all. Use it
    from one event loop.
    """

    def __init__(self, log: EventLog, tail: Tail) -> None:
        self._log = log
        self.tail = tail
        self._executor = ThreadPoolExecutor(1, "event pages")
        self._kept: OrderedDict[object, EncodedPage] = OrderedDict()
        self._kept_bytes = 0
        self._reading: dict[object, asyncio.Future[EncodedPage]] = {}

    def close(self) -> None:
        """End the thread, after the page it is reading."""
        self._executor.shutdown()

    def forget(self) -> None:
        """Give the kept pages back; what is asked for again is read again."""
        self._kept.clear()
        self._kept_bytes = 0

    async def following(self, selection: Selection, after: int, encode: Encode) -> EncodedPage:
        """The selection's next page, from the newest rows when they reach that far back. Raises StoreError."""
        newest = self._newest(selection, after, encode)
        if newest is not None:
            return newest
        if selection.ends is not None:
            return await self.read(selection, after, encode)
        key = (encode, selection.where, after)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        reading = self._reading.get(key)
        if reading is None:
            reading = self._reading[key] = asyncio.ensure_future(self.read(selection, after, encode))
            reading.add_done_callback(lambda done: self._read(key, done))
        return await asyncio.shield(reading)

    async def read(
        self, selection: Selection, after: int, encode: Encode, limit: int = _ROWS, upto: int | None = None
    ) -> EncodedPage:
        """The selection's next page, at most `limit` events of at most `_ROWS`. Raises StoreError."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._executor, _read, self._log, selection, after, encode, min(limit, _ROWS), upto
        )

    def _newest(self, selection: Selection, after: int, encode: Encode) -> EncodedPage | None:
        key = (encode, selection.where, after, self.tail.newest_upto(after))
        if selection.ends is None and key in self._kept:
            return self._kept[key]
        page = self.tail.newest(after, selection.where)
        if page is None:
            return None
        rows, ended = selection.cut(page.rows)
        encoded = EncodedPage(_pieces(rows, encode), len(rows), page.upto, ended=ended)
        if encoded.pieces and selection.ends is None:
            self._keep((encode, selection.where, after, page.upto), encoded)
        return encoded

    def _read(self, key: object, reading: asyncio.Future[EncodedPage]) -> None:
        del self._reading[key]
        if not reading.cancelled() and reading.exception() is None and reading.result().more:
            self._keep(key, reading.result())

    def _keep(self, key: object, page: EncodedPage) -> None:
        if key in self._kept:
            return
        self._kept[key] = page
        self._kept_bytes += _size(page)
        while self._kept_bytes > _KEPT_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= _size(oldest)


def _read(log: EventLog, selection: Selection, after: int, encode: Encode, limit: int, upto: int | None) -> EncodedPage:
    page = read_page(log, after, selection.where, limit)
    within = page.rows if upto is None else [row for row in page.rows if row.position <= upto]
    rows, ended = selection.cut(within)
    return EncodedPage(_pieces(rows, encode), len(rows), page.upto, more=len(page.rows) == limit, ended=ended)


def _pieces(rows: list[Row], encode: Encode) -> tuple[bytes, ...]:
    """Of whole events each, so that a large page is handed over as fast as its client takes it and no faster."""
    pieces: list[bytes] = []
    part: list[bytes] = []
    size = 0
    for row in rows:
        event = encode((row,))
        part.append(event)
        size += len(event)
        if size >= _PIECE_BYTES:
            pieces.append(b"".join(part))
            part, size = [], 0
    return (*pieces, b"".join(part)) if part else tuple(pieces)


def _size(page: EncodedPage) -> int:
    return sum(map(len, page.pieces)) + 500
