"""Stops the service in order when its memory is used up."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from depot_sim.application.memory import MemoryBudget
from depot_sim.domain.kernel.errors import MemoryReserveGone

_EVERY_SECONDS = 0.25

_log = logging.getLogger("depot_sim.service")


class MemoryWatch:
    """Looks at the memory that is left four times a second, and for work that ended by MemoryError.

    `gone` is the reason once the service has to stop.
    """

    def __init__(self, memory: MemoryBudget, stop: Callable[[], object]) -> None:
        self.gone: MemoryReserveGone | None = None
        self._memory = memory
        self._stop = stop

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Hear of every task and thread that ends by MemoryError. Call it in the event loop."""
        loop, hook = asyncio.get_running_loop(), threading.excepthook

        def task_failed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            if isinstance(context.get("exception"), MemoryError):
                self._exhausted()
            loop.default_exception_handler(context)

        def thread_failed(arguments: Any) -> None:
            if isinstance(arguments.exc_value, MemoryError):
                loop.call_soon_threadsafe(self._exhausted)
            hook(arguments)

        loop.set_exception_handler(task_failed)
        threading.excepthook = thread_failed
        try:
            yield
        finally:
            loop.set_exception_handler(None)
            threading.excepthook = hook

    async def run(self) -> None:
        """Until the memory is used up."""
        while self.gone is None:
            try:
                self._memory.require_reserve()
            except MemoryReserveGone as gone:
                self._give_up(gone)
            await asyncio.sleep(_EVERY_SECONDS)

    def _exhausted(self) -> None:
        self._give_up(self._memory.exhausted())

    def _give_up(self, gone: MemoryReserveGone) -> None:
        if self.gone is None:
            self.gone = gone
            _log.error("%s; the service stops with exit code 7", gone.detail)
            self._stop()
