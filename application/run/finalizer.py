"""Stopped runs of which something is left to do: their leases are kept until it is done."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from depot_sim.application.event_log import Leases
from depot_sim.application.run.writer import RunWriter
from depot_sim.application.runtime import Aftermath
from depot_sim.domain.kernel.errors import StoreError

_log = logging.getLogger("depot_sim.runs")


class _Ending(NamedTuple):
    writer: RunWriter
    task: asyncio.Task[None]


class RunFinalizer:
    """`on_failed` is told of runs that it could not end."""

    def __init__(self, leases: Leases, aftermaths: Sequence[Aftermath], on_failed: Callable[[str], None]) -> None:
        self._leases = leases
        self._aftermaths = aftermaths
        self._on_failed = on_failed
        self._under_way: dict[str, _Ending] = {}

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._under_way

    def writers(self) -> list[RunWriter]:
        return [ending.writer for ending in self._under_way.values()]

    async def begin(self, writer: RunWriter) -> None:
        """Retire the run's lease, at once or when all aftermaths are over."""
        if not self._aftermaths:
            await self._retire(writer)
        else:
            task = asyncio.create_task(self._end(writer), name=f"aftermath of run {writer.run.run_id}")
            self._under_way[writer.run.run_id] = _Ending(writer, task)

    def give_up(self, run_id: str) -> None:
        """The lease is lost: whoever has it does the rest."""
        ending = self._under_way.pop(run_id, None)
        if ending is not None:
            ending.task.cancel()

    async def release_all(self) -> None:
        """Stop, and let another process do the rest."""
        endings = list(self._under_way.values())
        for ending in endings:
            self.give_up(ending.writer.run.run_id)
        await asyncio.gather(*(ending.task for ending in endings), return_exceptions=True)
        for ending in endings:
            await self._release(ending.writer)

    async def _end(self, writer: RunWriter) -> None:
        run_id = writer.run.run_id
        try:
            async with asyncio.TaskGroup() as doing:
                for aftermath in self._aftermaths:
                    doing.create_task(_do(aftermath, writer))
            await self._retire(writer)
        except Exception:  # noqa: BLE001 - whatever it was, it is tried again from what the log says
            _log.exception("aftermath not done", extra={"run_id": run_id})
            self._on_failed(run_id)
            with contextlib.suppress(StoreError):
                await self._release(writer)
        self._under_way.pop(run_id, None)

    async def _retire(self, writer: RunWriter) -> None:
        await asyncio.to_thread(self._leases.retire, writer.run.run_id, writer.token)

    async def _release(self, writer: RunWriter) -> None:
        await asyncio.to_thread(self._leases.release, writer.run.run_id, writer.token)


async def _do(aftermath: Aftermath, writer: RunWriter) -> None:
    await aftermath(writer.run, writer.fence)
