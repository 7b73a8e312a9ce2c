"""Snapshots of sessions, so that one with months of heartbeats is loaded as fast as a new one."""

from __future__ import annotations

import asyncio
import logging

import msgspec

from application.event_log import EventLog, Snapshot
from domain.errors import StoreError
from domain.oscp.session import OscpCapacityProviderSession
from domain.oscp.state import SessionState

_log = logging.getLogger("depot_sim.oscp")

EVERY = 1_000
"""Events between two snapshots of a session."""
_FORMAT = 1


class _Kept(msgspec.Struct, frozen=True):
    """A state is read only by the format it was written in; another one is folded from its events."""

    format: int
    state: msgspec.Raw


class SessionSnapshots:
    """Keeps states that are in the log as a whole; a snapshot that cannot be kept costs time at the next load."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._versions: dict[str, int] = {}
        self._keeping: set[asyncio.Task[None]] = set()

    async def restore(self, session: OscpCapacityProviderSession) -> None:
        """Bring a new session to its latest snapshot, if there is one."""
        snapshot = await asyncio.to_thread(self._log.latest_snapshot, session.stream)
        if snapshot is None:
            return
        kept = msgspec.json.decode(snapshot.state, type=_Kept)
        if kept.format == _FORMAT:
            session.state = msgspec.json.decode(kept.state, type=SessionState)
            session.version = self._versions[session.stream] = snapshot.version

    def keep(self, session: OscpCapacityProviderSession) -> None:
        """Keep the session as it is now, if enough has happened; all of it has to be in the log."""
        if session.version - self._versions.get(session.stream, 0) < EVERY:
            return
        self._versions[session.stream] = session.version
        state = msgspec.json.encode(_Kept(_FORMAT, msgspec.Raw(msgspec.json.encode(session.state))))
        task = asyncio.create_task(self._save(Snapshot(session.stream, session.version, 0, state)))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def _save(self, snapshot: Snapshot) -> None:
        try:
            await asyncio.to_thread(self._log.save_snapshot, snapshot)
        except StoreError:
            _log.exception("snapshot not kept", extra={"stream": snapshot.stream})
