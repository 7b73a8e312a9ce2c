"""The Journal: savers on the event loop, one writing thread, one commit for all that came meanwhile."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread

from depot_sim.application.event_log import Append, EventLog
from depot_sim.domain.kernel.errors import StoreError

_LARGEST_BATCH = 1000
_GATHER_S = 0.004

_Waiter = tuple[Append, "asyncio.Future[Sequence[int]]"]
_Outcome = Sequence[int] | Exception


class GroupCommitJournal:
    """For one event loop.

    After a commit that several savers shared, the next one begins `gather_s` seconds later, so that more of them share
    it: a commit costs the same for one saver and for many. A saver that is alone never waits.

    A saver that is cancelled before its turn is not written; once its commit is under way it is written all the same.
    A commit whose outcome is unknown is an error to all its savers and is never repeated here.
    """

    def __init__(self, log: EventLog, gather_s: float = _GATHER_S) -> None:
        self._log = log
        self._gather_s = gather_s
        self._waiting: deque[_Waiter] = deque()
        self._batches: SimpleQueue[list[_Waiter] | None] = SimpleQueue()
        self._writer: Thread | None = None
        self._gathering: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    async def append(self, append: Append) -> Sequence[int]:
        if self._closed:
            raise StoreError("the journal is closed", "open the event store again")
        loop = asyncio.get_running_loop()
        written: asyncio.Future[Sequence[int]] = loop.create_future()
        self._waiting.append((append, written))
        if self._idle.is_set():
            self._idle.clear()
            loop.call_soon(self._hand_over, loop)  # together with all that is saved in this turn of the loop
        return await written

    async def close(self) -> None:
        self._closed = True
        if self._gathering is not None:
            self._gathering.cancel()
            self._hand_over(asyncio.get_running_loop())
        await self._idle.wait()
        if self._writer is not None:
            self._batches.put(None)
            self._writer.join()
            self._writer = None

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let the thread write what waits, if anything does."""
        self._gathering = None
        batch = self._next_batch()
        if not batch:
            self._idle.set()
            return
        if self._writer is None:
            self._writer = Thread(target=self._write_batches, args=(loop,), name="journal", daemon=True)
            self._writer.start()
        self._batches.put(batch)

    def _next_batch(self) -> list[_Waiter]:
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _LARGEST_BATCH))]
        wanted = []
        for waiter in batch:
            if waiter[1].done():
                _lose_bases(waiter[0])
            else:
                wanted.append(waiter)
        return wanted if wanted or not batch else self._next_batch()

    def _write_batches(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the writing thread: one commit after the other, until there is to be no more."""
        while (batch := self._batches.get()) is not None:
            appends = [append for append, _ in batch]
            outcomes = self._write(appends)
            for append, outcome in zip(appends, outcomes, strict=True):
                if isinstance(outcome, Exception):
                    _lose_bases(append)
            with suppress(RuntimeError):  # the loop has been closed, and the savers with it
                loop.call_soon_threadsafe(self._written, loop, batch, outcomes)

    def _write(self, appends: Sequence[Append]) -> Sequence[_Outcome]:
        try:
            return self._log.append_many(appends)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is the savers' answer
            return [error] * len(appends)

    def _written(self, loop: asyncio.AbstractEventLoop, batch: Sequence[_Waiter], outcomes: Sequence[_Outcome]) -> None:
        for (_, written), outcome in zip(batch, outcomes, strict=True):
            _settle(written, outcome)
        if len(batch) > 1 and not self._closed:
            self._gathering = loop.call_later(self._gather_s, self._hand_over, loop)
        else:
            self._hand_over(loop)


def _lose_bases(append: Append) -> None:
    """Have every append refused that was decided on this one, which was not written, or may not have been."""
    for write in append.writes:
        if write.basis is not None:
            write.basis.is_lost = True


def _settle(written: asyncio.Future[Sequence[int]], outcome: _Outcome) -> None:
    if written.done():
        return
    if isinstance(outcome, Exception):
        written.set_exception(outcome)
    else:
        written.set_result(outcome)
