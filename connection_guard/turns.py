"""Work for thousands of connections, a few in each iteration of the event loop, so that others are served between."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import islice
from math import inf

CallSoon = Callable[[Callable[[], None]], object]


class Turns:
    """Lets work go on in the order in which it came, at most `at_once` times in an iteration of the loop.

    `call_soon` calls back in the next iteration; by default it is that of the running loop.
    """

    def __init__(self, at_once: int, call_soon: CallSoon | None = None) -> None:
        self._at_once = at_once
        self._left = at_once
        self._call_soon = call_soon or _call_soon
        self._waiting: deque[Callable[[], object]] = deque()
        self._is_scheduled = False

    def take(self) -> bool:
        """Take a turn of this iteration. False when none is left."""
        if not self._left:
            return False
        self._left -= 1
        self._schedule()
        return True

    def defer(self, callback: Callable[[], object]) -> None:
        """Call back when there is a turn, in one of the next iterations."""
        self._waiting.append(callback)
        self._schedule()

    async def wait(self) -> None:
        """Take a turn, or wait for one."""
        if self.take():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.defer(lambda: _wake(turn))
        await turn

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._call_soon(self._begin_iteration)

    def _begin_iteration(self) -> None:
        self._is_scheduled = False
        self._left = self._at_once
        while self._left and self._waiting:
            self._left -= 1
            self._schedule()
            self._waiting.popleft()()


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


def _wake(turn: asyncio.Future[None]) -> None:
    if not turn.done():  # its task was cancelled
        turn.set_result(None)


def _call_soon(callback: Callable[[], None]) -> object:
    return asyncio.get_running_loop().call_soon(callback)
