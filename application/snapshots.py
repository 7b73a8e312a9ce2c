"""Snapshots of aggregates, so that one with a long history is loaded as fast as a new one."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Generic, TypeVar

import msgspec

from depot_sim.application.event_log import EventLog, Snapshot
from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.errors import StoreError

_log = logging.getLogger("depot_sim.snapshots")

S = TypeVar("S")


class _Kept(msgspec.Struct, frozen=True):
    """A state is read only by the format it was written in; another one is folded from its events."""

    format: int
    state: msgspec.Raw


class Snapshots(Generic[S]):
    """Of aggregates with a state of this type, one each `every` events. Raise `form` when its shape changes.

    A snapshot that cannot be kept costs time at the next load, nothing else.
    """

    def __init__(self, log: EventLog, state: type[S], form: int, every: int) -> None:
        self._log = log
        self._state = state
        self._format = form
        self._every = every
        self._versions: dict[str, int] = {}
        self._keeping: set[asyncio.Task[None]] = set()

    async def restore(self, aggregate: Aggregate[S]) -> None:
        """Bring a new aggregate to its latest snapshot, if there is one."""
        snapshot = await asyncio.to_thread(self._log.latest_snapshot, aggregate.stream)
        if snapshot is None:
            return
        kept = msgspec.json.decode(snapshot.state, type=_Kept)
        if kept.format == self._format:
            aggregate.state = msgspec.json.decode(kept.state, type=self._state)
            aggregate.version = self._versions[aggregate.stream] = snapshot.version

    def take(self, aggregate: Aggregate[Any]) -> Snapshot | None:
        """A snapshot of the aggregate as it is now, if enough has happened since the last one."""
        if aggregate.version - self._versions.get(aggregate.stream, 0) < self._every:
            return None
        self._versions[aggregate.stream] = aggregate.version
        state = msgspec.json.encode(_Kept(self._format, msgspec.Raw(msgspec.json.encode(aggregate.state))))
        return Snapshot(aggregate.stream, aggregate.version, 0, state)

    def keep(self, snapshot: Snapshot | None) -> None:
        """Store what was taken, once all of it is in the log."""
        if snapshot is not None:
            task = asyncio.create_task(self._save(snapshot))
            self._keeping.add(task)
            task.add_done_callback(self._keeping.discard)

    async def _save(self, snapshot: Snapshot) -> None:
        try:
            await asyncio.to_thread(self._log.save_snapshot, snapshot)
        except StoreError:
            _log.exception("snapshot not kept", extra={"stream": snapshot.stream})
