"""Work for thousands of connections, a few in each iteration of the event loop, so that others are served between."""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import islice
from math import inf


class Turns:
    """Lets tasks go on in the order in which they came, at most `at_once` in an iteration of the running loop."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def wait(self) -> None:
        """Wait for a turn, which comes in one of the next iterations."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._give)
        self._waiting.append(turn)
        await turn

    def _give(self) -> None:
        for _ in range(min(self._at_once, len(self._waiting))):
            turn = self._waiting.popleft()
            if not turn.done():  # its task was cancelled
                turn.set_result(None)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._give)


class Deadlines:
    """Ends blocks of `asyncio.timeout(None)`, at most `at_once` in an iteration of the running loop.

    With a timer of its own for each, thousands could end in the same iteration, and all their tasks would run in it.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._ends: dict[asyncio.Timeout, float] = {}
        """When each ends, by the loop's clock."""
        self._timer: asyncio.TimerHandle | None = None
        self._timer_end = inf

    def add(self, timeout: asyncio.Timeout, seconds: float) -> None:
        """End this block, which has begun, after so many seconds, unless it is discarded before."""
        end = self._ends[timeout] = asyncio.get_running_loop().time() + seconds
        if end < self._timer_end:
            self._set_timer(end)

    def discard(self, timeout: asyncio.Timeout) -> None:
        self._ends.pop(timeout, None)

    def end_all_in(self, seconds: float) -> None:
        """End all present blocks after so many seconds from now."""
        end = asyncio.get_running_loop().time() + seconds
        self._ends = dict.fromkeys(self._ends, end)
        self._set_timer(end)

    def _set_timer(self, end: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_end = None, end
        if end != inf:
            self._timer = asyncio.get_running_loop().call_at(end, self._end_some)

    def _end_some(self) -> None:
        """Those that are due, or a part of them; the rest are due still, and the timer is for the next iteration."""
        now = asyncio.get_running_loop().time()
        due = (timeout for timeout, end in self._ends.items() if end <= now)
        for timeout in list(islice(due, self._at_once)):
            del self._ends[timeout]
            timeout.reschedule(now)
        self._set_timer(min(self._ends.values(), default=inf))
