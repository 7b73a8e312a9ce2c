"""The Journal: savers on the event loop, one writing thread, one commit for all that came meanwhile."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from application.event_log import Append, EventLog
from domain.errors import StoreError

_LARGEST_BATCH = 1000

_Waiter = tuple[Append, "asyncio.Future[Sequence[int]]"]
_Outcome = Sequence[int] | Exception


class GroupCommitJournal:
    """For one event loop.

    A saver that is cancelled before its turn is not written; once its commit is under way it is written all the same.
    A commit whose outcome is unknown is an error to all its savers and is never repeated here.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._writer = ThreadPoolExecutor(1, "journal")
        self._waiting: deque[_Waiter] = deque()
        self._flushing: asyncio.Task[None] | None = None
        self._closed = False

    async def append(self, append: Append) -> Sequence[int]:
        if self._closed:
            raise StoreError("the journal is closed", "open the event store again")
        written: asyncio.Future[Sequence[int]] = asyncio.get_running_loop().create_future()
        self._waiting.append((append, written))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        return await written

    async def close(self) -> None:
        self._closed = True
        if self._flushing is not None:
            await asyncio.shield(self._flushing)
        self._writer.shutdown()

    async def _flush(self) -> None:
        while batch := self._next_batch():
            outcomes = await self._write([append for append, _ in batch])
            for (_, written), outcome in zip(batch, outcomes, strict=True):
                _settle(written, outcome)

    def _next_batch(self) -> list[_Waiter]:
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _LARGEST_BATCH))]
        wanted = [waiter for waiter in batch if not waiter[1].done()]
        return wanted if wanted or not batch else self._next_batch()

    async def _write(self, appends: Sequence[Append]) -> Sequence[_Outcome]:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._writer, self._log.append_many, appends)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is the savers' answer
            return [error] * len(appends)


def _settle(written: asyncio.Future[Sequence[int]], outcome: _Outcome) -> None:
    if written.done():
        return
    if isinstance(outcome, Exception):
        written.set_exception(outcome)
    else:
        written.set_result(outcome)
