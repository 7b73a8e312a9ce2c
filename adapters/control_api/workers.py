"""Threads for what takes seconds of computing. Each kind has its own, so that none waits for a slower kind.

There are few, so that the event loop and the reads of the stores keep the cores.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from depot_sim.adapters.control_api.problems import TooBusy

T = TypeVar("T")


class Workers:
    """Runs functions of one kind in threads, in the order in which they are handed over."""

    def __init__(self, name: str, threads: int) -> None:
        self._executor = ThreadPoolExecutor(threads, name)

    async def run(self, make: Callable[..., T], *arguments: object) -> T:
        """The function's result; raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, make, *arguments)


class Places:
    """How many requests of one kind are taken in at once, because each holds its body while it waits."""

    def __init__(self, places: int, kind: str) -> None:
        self._free = places
        self._places = places
        self._kind = kind

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Hold a place. Raises TooBusy when none is free."""
        if not self._free:
            raise TooBusy(f"{self._places} {self._kind} are under way", "wait for one of them to end, then repeat")
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


BODIES = Workers("bodies", 2)
"""Parses the bodies of commands, at most 1 MiB each."""

DEFINITIONS = Workers("definitions", 2)
"""Parses and checks depot definitions, at most 20 MiB each."""

IMPORTS = Workers("imports", 1)
"""Reads foreign formats, which may take several seconds."""

MOST_IMPORTS = 8
"""Under way at once, with those that wait for their turn."""
