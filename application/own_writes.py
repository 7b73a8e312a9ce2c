"""A journal that remembers what this process has written, so that what others have written stands out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from depot_sim.application.event_log import Append, EventLog, Filter, Journal, Row
from depot_sim.application.subscription import read_page


class OwnWrites:
    """Implements Journal over another one. `by_others` has to be asked now and then, for positions to be forgotten."""

    def __init__(self, journal: Journal, log: EventLog) -> None:
        self._journal = journal
        self._log = log
        self._begin = log.head()
        self._looked_upto: dict[Filter, int] = {}
        self._own: list[int] = []

    async def append(self, append: Append) -> Sequence[int]:
        positions = await self._journal.append(append)
        self._own.extend(positions)
        return positions

    async def close(self) -> None:
        await self._journal.close()

    async def by_others(self, where: Filter) -> AsyncIterator[list[Row]]:
        """Matching rows since the last look with this filter, unless this process wrote all that came.

        Our own may be among them. Rows whose reading or handling fails come again at the next look.
        """
        head = await asyncio.to_thread(self._log.head)
        after = self._looked_upto.setdefault(where, self._begin)
        own = sum(after < position <= head for position in self._own)
        if own == head - after:
            after = self._looked_upto[where] = head
        while after < head:
            page = await asyncio.to_thread(read_page, self._log, after, where)
            yield page.rows
            after = self._looked_upto[where] = page.upto
        seen_by_all = min(self._looked_upto.values())
        self._own = [position for position in self._own if position > seen_by_all]
