"""Waiting for a state to change, without polling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Changes:
    """One side says that something has changed; the other waits until what it waits for is so."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def announce(self) -> None:
        self._next.set()
        self._next = asyncio.Event()

    async def next(self, timeout: float | None) -> bool:
        """Whether something changed before time was up; None waits for ever."""
        upcoming = self._next
        try:
            async with asyncio.timeout(timeout):
                await upcoming.wait()
        except TimeoutError:
            return False
        return True

    async def until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Whether the condition came true in time."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout
        while not condition():
            if not await self.next(max(0.0, deadline - clock())):
                return condition()
        return True
