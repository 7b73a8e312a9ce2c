"""Stored runs: loaded at their newest event, at any earlier one, or at a logical time. Blocking: call from a thread."""

from __future__ import annotations

import msgspec

from depot_sim.application.event_log import EventLog, Row, Snapshot
from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.kernel.events import EncodedEvent, decode
from depot_sim.domain.run.aggregate import SimulationRun, stream_of
from depot_sim.domain.run.digest import RunDigest
from depot_sim.domain.run.events import RunEvent

_PAGE = 2_000


class StoredRun(msgspec.Struct):
    """A run folded up to some event, with the heads of its hash chains there."""

    run: SimulationRun
    digest: RunDigest


class StoredSnapshot(msgspec.Struct, frozen=True):
    digest: RunDigest
    run: msgspec.Raw


class RunArchive:
    """Reads runs from the log, from the nearest snapshot on."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def load(self, run_id: str, *, upto_version: int | None = None, from_start: bool = False) -> StoredRun:
        """The run as of `upto_version` (default: now). Raises NotFound.

        `from_start` folds every event and trusts no snapshot, which is what a replay is for.
        """
        stream = stream_of(run_id)
        snapshot = None if from_start else self._log.latest_snapshot(stream, upto_version=upto_version)
        stored = StoredRun(SimulationRun(run_id), RunDigest()) if snapshot is None else _restored(run_id, snapshot)
        self.catch_up(stored, upto_version)
        if not stored.run.exists:
            raise _unknown(run_id)
        return stored

    def exists(self, run_id: str) -> bool:
        return self._log.stream_version(stream_of(run_id)) > 0

    def require(self, run_id: str) -> None:
        """Raises NotFound."""
        if not self.exists(run_id):
            raise _unknown(run_id)

    def catch_up(self, stored: StoredRun, upto_version: int | None = None) -> None:
        """Fold what was recorded since."""
        run = stored.run
        while rows := self._log.read_stream(run.stream, after=run.version, upto=upto_version, limit=_PAGE):
            for row in rows:
                stored.digest.add(EncodedEvent(row.topic, row.state))
            run.fold(decode(row.topic, row.state) for row in rows)
            if len(rows) < _PAGE:
                return

    def version_at(self, run_id: str, at: int) -> int:
        """The newest version whose event lies at or before logical time `at`; at least 1."""
        stream = stream_of(run_id)
        low, high = 1, self._log.stream_version(stream)
        while low < high:
            middle = (low + high + 1) // 2
            if _logical_time(self._log.read_stream(stream, after=middle - 1, upto=middle)[0]) <= at:
                low = middle
            else:
                high = middle - 1
        return low

    def position_before(self, run_id: str, at: int) -> int:
        """The position of the newest event before logical time `at`, 0 when there is none."""
        stream = stream_of(run_id)
        version = self.version_at(run_id, at - 1)
        row = self._log.read_stream(stream, after=version - 1, upto=version)[0]
        return row.position if _logical_time(row) < at else 0

    def keep_snapshot(self, stored: StoredRun) -> None:
        run = stored.run
        state = msgspec.json.encode(StoredSnapshot(stored.digest, msgspec.Raw(run.snapshot())))
        self._log.save_snapshot(Snapshot(run.stream, run.version, run.world.at, state))


def _logical_time(row: Row) -> int:
    event = decode(row.topic, row.state)
    assert isinstance(event, RunEvent), "a run's stream holds run events"
    return event.at


def _restored(run_id: str, snapshot: Snapshot) -> StoredRun:
    kept = msgspec.json.decode(snapshot.state, type=StoredSnapshot)
    return StoredRun(SimulationRun.restore(run_id, bytes(kept.run), snapshot.version), kept.digest)


def _unknown(run_id: str) -> NotFound:
    return NotFound(f"no run {run_id!r}", "list the runs there are with GET /simulation-runs or depot-sim runs")
