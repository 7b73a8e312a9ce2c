"""Tasks that no caller awaits. A failure is logged and concerns one channel, which is then loaded again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from depot_sim.application.under_way import Work
from depot_sim.domain.kernel.errors import DepotSimError


class Background:
    """Tasks of one family, whose failures go to its log."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, doing: Coroutine[Any, Any, None], work: Work | None = None) -> None:
        """Do this; `work` has begun, and ends with it."""
        task = asyncio.create_task(self._logged(doing))
        self._tasks.add(task)
        task.add_done_callback(lambda _: doing.close())  # of what was cancelled before its first step
        task.add_done_callback(self._tasks.discard)
        if work is not None:
            task.add_done_callback(lambda _: work.end())

    async def stop(self) -> None:
        """Cancel what is under way, and wait until it has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _logged(self, doing: Coroutine[Any, Any, None]) -> None:
        try:
            await doing
        except DepotSimError as error:
            self._log.warning("work not done: %s", error)
        except Exception:  # noqa: BLE001 - one channel must not stop the others
            self._log.exception("work not done")
