"""Writing a run: what it decided goes to the log under its lease's fence, and its hash chains move along."""

from __future__ import annotations

from collections.abc import Sequence

from depot_sim.application.event_log import Append, Fence, StreamWrite
from depot_sim.application.run.archive import StoredRun
from depot_sim.domain.kernel.events import EncodedEvent, Event, encode
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.digest import RunDigest

SNAPSHOT_EVERY = 10_000


class RunWriter:
    """One held run. `next_append` takes what is pending; the caller writes it, or drops the whole writer."""

    def __init__(self, stored: StoredRun, token: int) -> None:
        self.stored = stored
        self.token = token
        self._snapshot_at = _next_snapshot(stored.run)
        self.wants_snapshot = False
        self.handed_over: Sequence[Event] = ()
        """The run's own events in the append made last."""

    @property
    def run(self) -> SimulationRun:
        return self.stored.run

    @property
    def digest(self) -> RunDigest:
        return self.stored.digest

    @property
    def fence(self) -> Fence:
        return Fence(self.run.run_id, self.token)

    def next_append(self, metadata: bytes = b"", *, beside: Sequence[StreamWrite] = ()) -> Append:
        """Everything decided since the last append, with writes to other streams that belong to it."""
        run = self.run
        if run.version >= self._snapshot_at:
            run.take_checkpoint()
            self._snapshot_at = _next_snapshot(run)
            self.wants_snapshot = True
        events = self._encode_pending()
        writes = [StreamWrite(run.stream, run.version - len(events), events)] if events else []
        return Append([*writes, *beside], metadata, self.fence)

    def _encode_pending(self) -> list[EncodedEvent]:
        self.handed_over = self.run.take_pending()
        encoded = [encode(event) for event in self.handed_over]
        for event in encoded:
            self.digest.add(event)
        return encoded


def _next_snapshot(run: SimulationRun) -> int:
    """Counted from the run's start, not from its loading: a run that is killed again and again still gets its own."""
    return (run.version // SNAPSHOT_EVERY + 1) * SNAPSHOT_EVERY
