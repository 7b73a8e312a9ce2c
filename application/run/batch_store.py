"""Batch runs on a log: under a lease that is kept alive, so that they can be killed at any moment and continued."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec

from depot_sim.application.clock import BlockingClock
from depot_sim.application.event_log import Append, EventLog, Leases, StreamWrite
from depot_sim.application.repository import Origin, pending_append
from depot_sim.application.run.archive import RunArchive, StoredRun
from depot_sim.application.run.writer import RunWriter
from depot_sim.domain.configuration.aggregate import SimulationConfiguration
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import Conflict, Fault, InvalidInput, NotFound, RunHeldElsewhere, VersionConflict
from depot_sim.domain.run.aggregate import RunStatus, SimulationRun, stream_of
from depot_sim.domain.run.digest import RunDigest
from depot_sim.domain.run.events import ResumeReason

LEASE_SECONDS = 2
_RENEW_US = LEASE_SECONDS * 1_000_000 // 3
_PATIENCE_US = 2 * LEASE_SECONDS * 1_000_000
_POLL_US = 50_000
BATCH = Origin("batch")


class BatchPlan(Origin, frozen=True, omit_defaults=True):
    """Kept with a run's first events: up to which logical time (ms) it was meant to go."""

    until: int = 0


class BatchRun(NamedTuple):
    """A run to tick up to `until`; one that is stopped already has only to be summed up."""

    writer: RunWriter
    until: int

    @property
    def stopped(self) -> bool:
        return self.writer.run.status is RunStatus.STOPPED


class BatchStore:
    """Starts, resumes and writes batch runs for `owner`."""

    def __init__(self, log: EventLog, leases: Leases, clock: BlockingClock, owner: str) -> None:
        self._log = log
        self._leases = leases
        self._clock = clock
        self._owner = owner
        self._archive = RunArchive(log)
        self._renewed_us = 0

    def start(
        self, run: SimulationRun, definition: Definition, plan: BatchPlan, beside: Sequence[StreamWrite] = ()
    ) -> BatchRun:
        """Take the run's lease, keep its configuration and its first events, `beside` with them. Raises Conflict."""
        if self._log.stream_version(run.stream):
            raise Conflict(f"run {run.run_id} exists already", "continue it with --resume, or choose another run id")
        self._keep_configuration(run.started.configuration_id, definition)
        writer = RunWriter(StoredRun(run, RunDigest()), self._lease(run.run_id))
        run.acquire_lease(self._owner, writer.token)
        self.write(writer.next_append(msgspec.json.encode(plan), beside=beside))
        return BatchRun(writer, plan.until)

    def resume(self, run_id: str, until: int | None = None) -> BatchRun:
        """The run as it was last written, up to `until` (default: what it was started for).

        On PostgreSQL it waits for the lease of a killed process to expire.
        Raises NotFound, RunHeldElsewhere, InvalidInput.
        """
        plan = self._plan(run_id)
        until = until or plan.until
        if not until:
            raise InvalidInput([Fault("/for", "nothing", "how long the run is to go: it was not started for a time")])
        token = self._lease(run_id)
        stored = self._archive.load(run_id)
        run, writer = stored.run, RunWriter(stored, token)
        if run.status is RunStatus.STOPPED:
            self.retire(writer)
            return BatchRun(writer, run.world.at)
        if until < run.world.at:
            self._leases.release(run_id, token)
            raise InvalidInput([Fault("/for", f"{until} ms", f"at least {run.world.at} ms: the run is there already")])
        run.acquire_lease(self._owner, token)
        run.resume(ResumeReason.OPERATOR if run.status is RunStatus.PAUSED else ResumeReason.RESTART)
        self.write(writer.next_append())
        return BatchRun(writer, until)

    def write(self, append: Append) -> Sequence[int]:
        """Append durably, the lease prolonged first when its time has come. Raises LeaseLost."""
        now = self._clock.monotonic_us()
        if append.fence is not None and now - self._renewed_us > _RENEW_US:
            self._leases.renew(append.fence.run_id, append.fence.token, LEASE_SECONDS)
            self._renewed_us = now
        return self._log.append(append)

    def keep_snapshot(self, writer: RunWriter) -> None:
        self._archive.keep_snapshot(writer.stored)

    def release(self, writer: RunWriter) -> None:
        """Interrupted: somebody else may go on at once."""
        writer.run.release_lease()
        self.write(writer.next_append())
        self.keep_snapshot(writer)
        self._leases.release(writer.run.run_id, writer.token)

    def retire(self, writer: RunWriter) -> None:
        """Stopped: nobody needs to look after it."""
        self._leases.retire(writer.run.run_id, writer.token)

    def _lease(self, run_id: str) -> int:
        """A token, as soon as whoever had the lease is gone."""
        give_up_us = self._clock.monotonic_us() + _PATIENCE_US
        while (token := self._leases.acquire(run_id, self._owner, LEASE_SECONDS)) is None:
            if self._clock.monotonic_us() > give_up_us:
                raise RunHeldElsewhere(run_id, self._leases.holder(run_id) or "", self._owner)
            self._clock.sleep_us(_POLL_US)
        self._renewed_us = self._clock.monotonic_us()
        return token

    def _keep_configuration(self, id: str, definition: Definition) -> None:
        configuration = SimulationConfiguration(id)
        if self._log.stream_version(configuration.stream):
            return
        configuration.create(definition)
        with suppress(VersionConflict):  # somebody else has just written the same
            self._log.append(pending_append([configuration], BATCH))

    def _plan(self, run_id: str) -> BatchPlan:
        first = self._log.read_stream(stream_of(run_id), limit=1)
        if not first:
            raise NotFound(f"no run {run_id!r}", "list the runs there are with depot-sim runs --db URL")
        return msgspec.json.decode(first[0].metadata or b"{}", type=BatchPlan)
