"""The directory of sessions as this process knows it: it is read on when it does not know what is sought."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from depot_sim.application.event_log import EventLog
from depot_sim.application.repository import brought_up
from depot_sim.domain.oscp.directory import DirectoryState, OscpDirectory, OscpSessionListed

T = TypeVar("T")


class SessionDirectory:
    """One for the process. What is changed in `aggregate` has to be saved, or `forget` called."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._reading = asyncio.Lock()
        self.aggregate = OscpDirectory()

    async def listed(self, session_id: str) -> OscpSessionListed | None:
        return await self.look_up(lambda state: state.known.get(session_id))

    async def of_run(self, run_id: str) -> list[str]:
        """The ids of a run's active sessions."""
        await self.refresh()
        return self.aggregate.of_run(run_id)

    async def look_up(self, find: Callable[[DirectoryState], T | None]) -> T | None:
        """Find in what is known of the directory, or in what it has become meanwhile."""
        found = find(self.aggregate.state)
        if found is None:
            await self.refresh()
            found = find(self.aggregate.state)
        return found

    async def refresh(self) -> None:
        """Bring the directory up to the log; a new one if it was forgotten meanwhile."""
        async with self._reading:
            directory = None
            while directory is not self.aggregate:
                directory = self.aggregate
                await brought_up(self._log, directory)

    def forget(self) -> None:
        """What was changed in memory is not in the log: read all of it again."""
        self.aggregate = OscpDirectory()
