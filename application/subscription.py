"""Following the log without a lost wake-up: Subscription for a thread, Tail for any number of tasks."""

from __future__ import annotations

import asyncio
import threading
from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import suppress
from operator import attrgetter
from typing import Any, NamedTuple

from depot_sim.application.event_log import EVERYTHING, EventLog, Filter, Row
from depot_sim.application.repository import brought_up
from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.errors import StoreError
from depot_sim.domain.kernel.events import decode

_STOP_SECONDS = 0.2  # how long a stop may wait for a thread that waits for the log
_RECENT_ROWS = 256
_WOKEN_AT_ONCE = 64  # tasks in one iteration of the event loop, so that other tasks get their turn between them
_position = attrgetter("position")


class Page(NamedTuple):
    """Rows that match, and the position up to which the log has been searched for them."""

    rows: list[Row]
    upto: int


def read_page(log: EventLog, after: int, where: Filter = EVERYTHING, limit: int = 1000) -> Page:
    """The next matching rows. `upto` moves on over rows that do not match, so a quiet filter is not searched again."""
    head = max(after, log.head())
    rows = log.read_all(after, limit, where, upto=head) if head > after else []
    return Page(rows, rows[-1].position if len(rows) == limit else head)


class Subscription:
    """Iterates over matching rows, for ever: blocks until there are more, ends after stop()."""

    def __init__(self, log: EventLog, after: int = 0, where: Filter = EVERYTHING) -> None:
        self._log = log
        self._after = after
        self._where = where
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the iteration, from any thread, before its next row."""
        self._stopped.set()

    def __iter__(self) -> Iterator[Row]:
        while not self._stopped.is_set():
            page = read_page(self._log, self._after, self._where)
            for row in page.rows:
                if self._stopped.is_set():
                    return
                self._after = row.position
                yield row
            self._after = page.upto
            if not page.rows:
                self._log.wait_beyond(self._after, _STOP_SECONDS)


class Tail:
    """Follows the log for any number of tasks with one thread, which runs from the first wait until close().

    The newest rows are kept, so that a commit is read once for all tasks at the end of the log; a task that is
    further behind reads for itself.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._waiting: dict[asyncio.Future[bool], int] = {}
        self._recent = _Recent()

    async def pages(self, after: int = 0, where: Filter = EVERYTHING, limit: int = 1000) -> AsyncIterator[list[Row]]:
        """Matching rows after a position, each once and in order, as they come. Ends at close(); raises StoreError."""
        following = True
        while following:
            page = self.newest(after, where)
            if page is None:
                page = await asyncio.to_thread(read_page, self._log, after, where, limit)
            if page.rows:
                yield page.rows
            after = page.upto
            following = await self.beyond(after)

    async def follow(self, aggregate: Aggregate[Any]) -> AsyncGenerator[None, None]:
        """Fold what the log has of an aggregate and then what comes, whoever writes it; yields after every change."""
        after = await asyncio.to_thread(self._log.head)
        await brought_up(self._log, aggregate)
        yield
        async for rows in self.pages(after, Filter(streams=(aggregate.stream,))):
            aggregate.fold(decode(row.topic, row.state) for row in rows if row.version > aggregate.version)
            yield

    def newest(self, after: int, where: Filter = EVERYTHING) -> Page | None:
        """The matching rows after a position, or None when they are not all among the newest rows, which are kept."""
        return self._recent.page(after, where)

    def newest_upto(self, after: int) -> int | None:
        """Up to which position `newest` would search after this one; None when it would return None."""
        recent = self._recent
        return recent.upto if recent.since <= after <= recent.upto else None

    def close(self) -> None:
        """End every task's iteration and join the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    async def beyond(self, position: int) -> bool:
        """Wait until the log is beyond `position`; False when the tail is closed instead. Raises StoreError."""
        grown: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        with self._changed:
            if self._closed or self._recent.upto > position:
                return not self._closed
            self._waiting[grown] = position
            self._ensure_running()
            self._changed.notify()
        try:
            return await grown
        finally:
            with self._changed:
                self._waiting.pop(grown, None)

    def _ensure_running(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="tail", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while self._is_awaited():
            try:
                if self._log.wait_beyond(self._recent.upto, _STOP_SECONDS):
                    self._take()
            except StoreError as error:
                self._wake(error)
        self._wake(False)

    def _is_awaited(self) -> bool:
        """Block while nobody waits; False when closed."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            return not self._closed

    def _take(self) -> None:
        head = self._log.head()
        rows = self._log.read_all(self._recent.upto, _RECENT_ROWS + 1, upto=head)
        if len(rows) > _RECENT_ROWS:
            rows = self._log.read_all(0, _RECENT_ROWS, upto=head, newest_first=True)[::-1]
            self._recent = _Recent((), rows[0].position - 1, rows[0].position - 1)
        with self._changed:
            self._recent = self._recent.extended(rows, head)
        self._wake(True)

    def _wake(self, answer: bool | StoreError) -> None:
        """Answer those who wait: at growth only those the log has grown beyond."""
        with self._changed:
            ready = [future for future, at in self._waiting.items() if answer is not True or at < self._recent.upto]
            for future in ready:
                del self._waiting[future]
        for loop in {future.get_loop() for future in ready}:
            mine = [future for future in ready if future.get_loop() is loop]
            with suppress(RuntimeError):  # the loop has been closed, and its tasks with it
                loop.call_soon_threadsafe(_settle, mine, answer)


class _Recent(NamedTuple):
    """The rows after `since` up to `upto`, all of them."""

    rows: tuple[Row, ...] = ()
    since: int = 0
    upto: int = 0

    def page(self, after: int, where: Filter) -> Page | None:
        """The matching rows after a position, or None when it is outside."""
        if not self.since <= after <= self.upto:
            return None
        newer = self.rows[bisect_right(self.rows, after, key=_position) :]
        return Page([row for row in newer if matches(row, where)], self.upto)

    def extended(self, rows: list[Row], upto: int) -> _Recent:
        """With the rows that came up to `upto`."""
        kept = (*self.rows, *rows)
        dropped, kept = kept[:-_RECENT_ROWS], kept[-_RECENT_ROWS:]
        return _Recent(kept, dropped[-1].position if dropped else self.since, upto)


def matches(row: Row, where: Filter) -> bool:
    """Whether a read of the log with this filter returns the row."""
    if where.topics and row.topic not in where.topics:
        return False
    if not where.streams and not where.stream_prefixes:
        return True
    return row.stream in where.streams or row.stream.startswith(where.stream_prefixes)


def _settle(futures: list[asyncio.Future[bool]], answer: bool | StoreError) -> None:
    for future in futures[:_WOKEN_AT_ONCE]:
        if future.done():
            continue
        if isinstance(answer, StoreError):
            future.set_exception(answer)
        else:
            future.set_result(answer)
    if len(futures) > _WOKEN_AT_ONCE:
        asyncio.get_running_loop().call_soon(_settle, futures[_WOKEN_AT_ONCE:], answer)
