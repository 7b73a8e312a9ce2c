"""Turns in the event loop, for many tasks that each have a little to do at the same moment."""

from __future__ import annotations

import asyncio
from collections import deque

_AT_ONCE = 8


class Turns:
    """Lets a few tasks go on in each iteration of the event loop, in the order in which they asked.

    A thousand streams with a new event each would otherwise be served in one iteration, and every other request would
    wait for all of them.
    """

    def __init__(self, at_once: int = _AT_ONCE) -> None:
        self._at_once = at_once
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_scheduled = False

    async def take(self) -> None:
        """Return when it is this task's turn, in a later iteration of the event loop."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        if not self._is_scheduled:
            self._is_scheduled = True
            loop.call_soon(self._give)
        await turn

    def _give(self) -> None:
        given = 0
        while self._waiting and given < self._at_once:
            turn = self._waiting.popleft()
            if not turn.done():  # its task has been cancelled
                turn.set_result(None)
                given += 1
        self._is_scheduled = bool(self._waiting)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._give)
