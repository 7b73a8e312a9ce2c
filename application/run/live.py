"""Runs as the log has them, kept folded in memory so that a query costs no fold.

A follower never runs ahead of the log: it folds committed events only, whoever committed them. A run that is shared by
whoever looks at it event by event needs no follower beside it, but while that one is behind the log.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from depot_sim.application.event_log import EventLog
from depot_sim.application.run.archive import RunArchive
from depot_sim.application.run.host import RunHost
from depot_sim.domain.kernel.events import Event, decode
from depot_sim.domain.run.aggregate import SimulationRun, stream_of

_KEPT = 64
_PAGE = 500
_IDLE_SAVES = 100  # after which a follower that nobody asks falls behind, until somebody does
_FOLDS_OF_THE_PAST = 2  # at once: each keeps a core busy that the runs need


class _Follower:
    def __init__(self, run: SimulationRun) -> None:
        self.run = run
        self.lock = asyncio.Lock()
        self.saves_unasked = 0


class LiveRuns:
    """Read-only runs at their newest committed event; implements CommittedRuns."""

    def __init__(self, log: EventLog, host: RunHost) -> None:
        self._log = log
        self._host = host
        self._archive = RunArchive(log)
        self._followers: OrderedDict[str, _Follower] = OrderedDict()
        self._shared: dict[str, list[SimulationRun]] = {}
        self._opening = asyncio.Lock()
        host.on_saved.append(self._follow)
        self._past = asyncio.Semaphore(_FOLDS_OF_THE_PAST)

    async def get(self, run_id: str) -> SimulationRun:
        """The run, up to date with every commit before this call. Do not change it. Raises NotFound."""
        committed = await self._committed_version(run_id)
        for shared in self._shared.get(run_id, ()):
            if shared.version >= committed:
                return shared
        follower = self._followers.get(run_id) or await self._open(run_id)
        follower.saves_unasked = 0
        if follower.run.version < committed:
            async with follower.lock:
                await self._catch_up(follower.run)
        if run_id in self._followers:
            self._followers.move_to_end(run_id)
        return follower.run

    async def at_version(self, run_id: str, version: int) -> SimulationRun:
        """The run as it was after this version's event."""
        async with self._past:
            return (await asyncio.to_thread(self._archive.load, run_id, upto_version=version)).run

    async def at_time(self, run_id: str, at: int) -> SimulationRun:
        """The run as it was at logical time `at` (ms since its start), by its events up to then."""
        version = await asyncio.to_thread(self._archive.version_at, run_id, at)
        return await self.at_version(run_id, version)

    async def position_before(self, run_id: str, at: int) -> int:
        """The position of the run's last event before logical time `at`, 0 when there is none."""
        return await asyncio.to_thread(self._archive.position_before, run_id, at)

    def share(self, run: SimulationRun) -> None:
        self._shared.setdefault(run.run_id, []).append(run)

    def unshare(self, run: SimulationRun) -> None:
        others = [other for other in self._shared.pop(run.run_id, ()) if other is not run]
        if others:
            self._shared[run.run_id] = others

    def _follow(self, run_id: str, version: int, events: Sequence[Event]) -> None:
        """Fold what this process has just committed: a query then need not wait for a read of the log."""
        follower = self._followers.get(run_id)
        if follower is None or follower.lock.locked() or follower.run.version != version - len(events):
            return
        follower.saves_unasked += 1
        if follower.saves_unasked <= _IDLE_SAVES:
            follower.run.fold(events)
        elif run_id in self._shared:
            del self._followers[run_id]

    async def _committed_version(self, run_id: str) -> int:
        held = self._host.held(run_id)
        if held is not None:
            return held.saved_version
        return await asyncio.to_thread(self._log.stream_version, stream_of(run_id))

    async def _open(self, run_id: str) -> _Follower:
        async with self._opening:
            if run_id not in self._followers:
                stored = await asyncio.to_thread(self._archive.load, run_id)
                self._followers[run_id] = _Follower(stored.run)
                if len(self._followers) > _KEPT:
                    self._followers.popitem(last=False)
            return self._followers[run_id]

    async def _catch_up(self, run: SimulationRun) -> None:
        """Rows are read in a thread, but folded in the loop: readers in the loop never see a half-folded world."""
        more = True
        while more:
            rows = await asyncio.to_thread(self._log.read_stream, run.stream, after=run.version, limit=_PAGE)
            run.fold(decode(row.topic, row.state) for row in rows)
            more = len(rows) == _PAGE
