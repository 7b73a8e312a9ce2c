"""Counts refused requests in memory and records the counts in the log, at most once a minute."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from depot_sim.application.clock import Clock
from depot_sim.application.event_log import EventLog, Journal
from depot_sim.application.repository import Repository
from depot_sim.domain.access.refused import DAY_MS, HOUR_MS, OTHERS, RefusedCount, RefusedKey, RefusedOnDay, add
from depot_sim.domain.kernel.errors import DepotSimError, VersionConflict

MOST_SENDERS = 256
"""Senders told apart in an hour; the rest are counted together."""
MOST_ROWS = 1_024
"""Counts told apart in an hour; beyond that only surface and reason are."""
RECORDED_EVERY_US = 60_000_000
_ATTEMPTS = 8

_log = logging.getLogger("depot_sim.access")


class RefusedRequest(NamedTuple):
    """`route` is a path template, never the path that was sent. `reason` is the rule that refused."""

    sender: str
    surface: str
    route: str
    reason: str


class RefusalLimit(Protocol):
    """How many refused requests an address may send."""

    def take(self, sender: str) -> int:
        """Count one refused request of a sender. The seconds to wait when it has sent too many, 0 otherwise."""


class RefusalAudit(Protocol):
    """Counts refused requests."""

    def note(self, refused: RefusedRequest) -> None: ...


class RefusedRequests:
    """The audit of refused requests. A kill loses what was counted since the last record, one minute at most."""

    def __init__(self, log: EventLog, journal: Journal, clock: Clock) -> None:
        self._repository = Repository(log, journal)
        self._clock = clock
        self._pending: dict[RefusedKey, RefusedCount] = {}
        self._hour = 0
        self._senders: set[str] = set()
        self._rows: set[RefusedKey] = set()
        self._saving = asyncio.Lock()
        self.totals: dict[tuple[str, str], int] = {}
        """Since the start of this process, by surface and reason."""

    def note(self, refused: RefusedRequest) -> None:
        """Count a refused request. Bounded in memory whatever is sent."""
        now = self._clock.now_us() // 1_000
        key = self._key(refused, now - now % HOUR_MS)
        add(self._pending, [RefusedCount(key, 1, now, now)])
        total = (refused.surface, refused.reason)
        self.totals[total] = self.totals.get(total, 0) + 1

    async def run(self) -> None:
        """Record the counts once a minute, as long as the task lives."""
        while True:
            await self._clock.sleep_us(RECORDED_EVERY_US)
            await self.try_to_record()

    async def try_to_record(self) -> None:
        """As `record`, but a store that cannot be written is logged: it must not keep the service from stopping."""
        try:
            await self.record()
        except DepotSimError as error:
            _log.warning("counts of refused requests are not recorded", extra={"error": error.detail})

    async def record(self) -> None:
        """Record what was counted since the last time. Counts that cannot be recorded are kept. Raises StoreError."""
        async with self._saving:
            for day in sorted({key.hour // DAY_MS for key in self._pending}):
                await self._record_day(day)

    async def on_day(self, day: int) -> list[RefusedCount]:
        """The counts of a day since 1970-01-01, the newest hour first, with what is not recorded yet."""
        async with self._saving:
            recorded = await self._repository.fold(RefusedOnDay(day))
            counts = dict(recorded.state)
            add(counts, self._of_day(day))
        return sorted(counts.values(), key=lambda one: (-one.key.hour, -one.count, one.key.sender))

    async def _record_day(self, day: int) -> None:
        counts = self._of_day(day)
        for count in counts:
            del self._pending[count.key]
        for attempt in range(_ATTEMPTS):
            refused = await self._repository.fold(RefusedOnDay(day))
            refused.record(self._clock.now_us() // 1_000, counts)
            try:
                await self._repository.save(refused)
            except VersionConflict:  # another process was first
                if attempt < _ATTEMPTS - 1:
                    continue
                add(self._pending, counts)
                raise
            except Exception:
                add(self._pending, counts)
                raise
            return

    def _of_day(self, day: int) -> list[RefusedCount]:
        return [count for key, count in self._pending.items() if key.hour // DAY_MS == day]

    def _key(self, refused: RefusedRequest, hour: int) -> RefusedKey:
        if hour != self._hour:
            self._hour, self._senders, self._rows = hour, set(), set()
        sender = refused.sender
        if sender not in self._senders and len(self._senders) >= MOST_SENDERS:
            sender = OTHERS
        else:
            self._senders.add(sender)
        key = RefusedKey(hour, sender, refused.surface, refused.route, refused.reason)
        if key not in self._rows and len(self._rows) >= MOST_ROWS:
            return RefusedKey(hour, OTHERS, refused.surface, OTHERS, refused.reason)
        self._rows.add(key)
        return key


def by_label(totals: Mapping[tuple[str, str], int]) -> Iterable[tuple[str, int]]:
    """Totals as "surface reason", for metrics."""
    return [(f"{surface} {reason}", count) for (surface, reason), count in totals.items()]
