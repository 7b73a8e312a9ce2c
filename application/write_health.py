"""Whether the event store takes commits now."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from depot_sim.application.clock import Clock
from depot_sim.application.event_log import Append, Journal
from depot_sim.domain.kernel.errors import DepotSimError, StoreError

FRESH_US = 2_000_000
"""An append committed within this time proves that the store takes commits."""
PROBE_US = 2_000_000
"""How long a probe may take."""


class Probed(Protocol):
    """What of an event log a probe needs."""

    def check_writable(self) -> None: ...


class WriteHealth:
    """A journal that remembers how its appends end, and probes the store when the newest success is not fresh."""

    def __init__(self, journal: Journal, log: Probed, clock: Clock) -> None:
        self._journal = journal
        self._log = log
        self._clock = clock
        self._committed_us: int | None = None
        self._probe: asyncio.Task[None] | None = None
        self.fault = ""
        """Why the newest append or probe was not committed; "" when it was. A probe is made only by check()."""

    async def append(self, append: Append) -> Sequence[int]:
        try:
            positions = await self._journal.append(append)
        except StoreError as error:
            self._failed(error)
            raise
        if positions:
            self._committed()
        return positions

    async def close(self) -> None:
        await self._journal.close()

    async def check(self) -> str:
        """Why the store takes no commit, "" when it does. Adds no event; waits at most PROBE_US."""
        if self._committed_us is not None and self._clock.monotonic_us() - self._committed_us < FRESH_US:
            return ""
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._commit(), name="probe of the event store")
        limit = asyncio.ensure_future(self._clock.sleep_us(PROBE_US))
        await asyncio.wait((self._probe, limit), return_when=asyncio.FIRST_COMPLETED)
        limit.cancel()
        if not self._probe.done():
            self._committed_us, self.fault = None, f"no commit within {PROBE_US // 1_000_000} s"
        return self.fault

    async def _commit(self) -> None:
        try:
            await asyncio.to_thread(self._log.check_writable)
        except DepotSimError as error:
            self._failed(error)
        else:
            self._committed()

    def _committed(self) -> None:
        self._committed_us, self.fault = self._clock.monotonic_us(), ""

    def _failed(self, error: DepotSimError) -> None:
        self._committed_us, self.fault = None, error.detail
