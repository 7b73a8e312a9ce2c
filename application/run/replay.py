"""Folding a stored run again, from its first event, and holding it against the hashes recorded on the way."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from depot_sim.application.event_log import EventLog
from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.kernel.events import EncodedEvent, decode
from depot_sim.domain.run.aggregate import SimulationRun, stream_of
from depot_sim.domain.run.digest import RunDigest
from depot_sim.domain.run.events import RunSnapshotTaken, SimulationRunStopped
from depot_sim.domain.run.world.state import state_sha256

_PAGE = 1_000


class Mismatch(msgspec.Struct, frozen=True):
    """After this version the fold's hash was not the one recorded."""

    version: int
    recorded_sha256: str
    folded_sha256: str


class Replay(msgspec.Struct, frozen=True):
    """`checkpoints` counts the recorded hashes met on the way; a run without any proves nothing."""

    run_id: str
    events: int
    checkpoints: int
    mismatches: list[Mismatch]
    canonical_sha256: str
    raw_sha256: str
    state_sha256: str

    @property
    def reached(self) -> bool:
        return self.checkpoints > 0 and not self.mismatches


def replay(log: EventLog, run_id: str, progress: Callable[[int, int], None] | None = None) -> Replay:
    """Fold every event of the run. Raises NotFound."""
    run, digest = SimulationRun(run_id), RunDigest()
    stream = stream_of(run_id)
    newest = log.stream_version(stream)
    if newest == 0:
        raise NotFound(f"no run {run_id!r}", "list the runs there are with depot-sim runs")
    checkpoints, mismatches = 0, []
    while rows := log.read_stream(stream, after=run.version, upto=newest, limit=_PAGE):
        for row in rows:
            digest.add(EncodedEvent(row.topic, row.state))
            event = decode(row.topic, row.state)
            run.fold([event])
            if isinstance(event, RunSnapshotTaken | SimulationRunStopped):
                checkpoints += 1
                folded = state_sha256(run.world)
                if folded != event.state_sha256:
                    mismatches.append(Mismatch(row.version, event.state_sha256, folded))
        if progress is not None:
            progress(run.version, newest)
    return Replay(
        run_id=run_id,
        events=run.version,
        checkpoints=checkpoints,
        mismatches=mismatches,
        canonical_sha256=digest.canonical_sha256,
        raw_sha256=digest.raw_sha256,
        state_sha256=state_sha256(run.world),
    )
