"""The runs this process holds: one writer each, behind a lock, under a lease that is kept alive.

A run is held from start or adoption until it stops, is released, or its lease is lost. Whatever goes wrong with an
append, the writer is dropped and the run is loaded again from the log: memory never runs ahead of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from depot_sim.application.clock import Clock
from depot_sim.application.event_log import EventLog, Fence, Journal, Leases, StreamWrite
from depot_sim.application.run.archive import RunArchive, StoredRun
from depot_sim.application.run.backoff import Backoff
from depot_sim.application.run.finalizer import RunFinalizer
from depot_sim.application.run.pace import Pace
from depot_sim.application.run.writer import RunWriter
from depot_sim.application.runtime import Aftermath
from depot_sim.domain.kernel.errors import (
    CommandRefused,
    Conflict,
    DepotSimError,
    LeaseLost,
    RunHeldElsewhere,
    StoreError,
)
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.run.aggregate import RunStatus, SimulationRun
from depot_sim.domain.run.events import ResumeReason

_log = logging.getLogger("depot_sim.runs")

_ATTEMPTS = 3
_WATCH_US = 1_000_000


class HeldRun:
    """A run this process writes. Everything that touches the writer holds the lock.

    A run that follows wall time has a `driver`, and a `pace` that says where it should be.
    """

    def __init__(self, writer: RunWriter) -> None:
        self.writer = writer
        self.lock = asyncio.Lock()
        self.saved_version = writer.run.version
        self.saved_at = writer.run.world.at
        """The logical time that the log has reached; a tick that is being written is later."""
        self.driver: asyncio.Task[None] | None = None
        self.pace: Pace | None = None

    @property
    def run(self) -> SimulationRun:
        return self.writer.run

    @property
    def fence(self) -> Fence:
        return self.writer.fence


class RunHost:
    """Holds runs and writes them; implements HeldRuns. `endings` are stopped runs of which something is left to do."""

    def __init__(
        self, log: EventLog, journal: Journal, leases: Leases, clock: Clock, owner: str, lease_seconds: int = 5
    ) -> None:
        """`owner` is shown to those whose command belongs elsewhere. `lease_seconds` matters on PostgreSQL only."""
        self._archive = RunArchive(log)
        self._journal = journal
        self._leases = leases
        self._clock = clock
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._held: dict[str, HeldRun] = {}
        self._starting: set[str] = set()
        self._adopting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._setbacks = Backoff(clock)
        self.aftermaths: list[Aftermath] = []
        self.endings = RunFinalizer(leases, self.aftermaths, self.rest)
        self.not_resumed: dict[str, str] = {}
        """Runs that this process should take up and cannot, and why; as of the last look for such runs."""
        self.on_held: list[Callable[[str], None]] = []
        self.on_dropped: list[Callable[[str], None]] = []
        self.on_saved: list[Callable[[str, int, Sequence[Event]], None]] = []

    @property
    def owner(self) -> str:
        return self._owner

    def held(self, run_id: str) -> HeldRun | None:
        return self._held.get(run_id)

    def held_ids(self) -> list[str]:
        return list(self._held)

    @asynccontextmanager
    async def starting(self, run_id: str) -> AsyncIterator[int]:
        """A fencing token for a run that is about to start. Raises Conflict when there is or will be such a run."""
        if run_id in self._starting:
            raise Conflict(f"run {run_id} is being started", "choose another run id")
        self._starting.add(run_id)
        try:
            if await asyncio.to_thread(self._archive.exists, run_id):
                raise Conflict(f"run {run_id} has been started already", "choose another run id, or leave it out")
            token = await asyncio.to_thread(self._leases.acquire, run_id, self._owner, self._lease_seconds)
            if token is None:
                raise Conflict(f"run {run_id} is being started elsewhere", "choose another run id")
            try:
                yield token
            except BaseException:
                await asyncio.to_thread(self._give_up_start, run_id, token)
                raise
        finally:
            self._starting.discard(run_id)

    def hold(self, held: HeldRun) -> HeldRun:
        run_id = held.run.run_id
        self._held[run_id] = held
        for tell in self.on_held:
            tell(run_id)
        return held

    async def adopt(self, run_id: str, reason: ResumeReason) -> HeldRun:
        """Take a run over: load it, prove it in its stream. Raises NotFound, RunHeldElsewhere or CommandRefused."""
        lock = self._adopting.setdefault(run_id, asyncio.Lock())
        async with lock:
            if run_id in self.endings:
                raise _stopped(run_id)
            held = self._held.get(run_id)
            return held if held is not None else await self._adopt(run_id, reason)

    @asynccontextmanager
    async def writing(self, run_id: str) -> AsyncIterator[HeldRun]:
        """The held run under its lock, taken over first if nobody holds it. An error inside drops what was decided."""
        held = await self._locked(run_id)
        try:
            yield held
        finally:
            if held.run.pending:
                self.drop(held)
            held.lock.release()

    async def save(self, held: HeldRun, metadata: bytes = b"", beside: Sequence[StreamWrite] = ()) -> None:
        """Append what is pending. On any error the run is dropped; the error tells the caller what to do."""
        append = held.writer.next_append(metadata, beside=beside)
        if not append.writes:
            return
        try:
            await self._journal.append(append)
        except BaseException:
            self.drop(held)
            raise
        held.saved_version, held.saved_at = held.run.version, held.run.world.at
        for tell in self.on_saved:
            tell(held.run.run_id, held.saved_version, held.writer.handed_over)
        if held.writer.wants_snapshot:
            held.writer.wants_snapshot = False
            await self._keep_snapshot(held)

    def drop(self, held: HeldRun) -> None:
        """Forget a writer that is ahead of the log or no longer ours; the run is taken up again from the log."""
        if self._let_go(held):
            for tell in self.on_dropped:
                tell(held.run.run_id)

    def rest(self, run_id: str) -> None:
        """Leave a run that fails again and again alone for a while, longer each time."""
        self._setbacks.add(run_id)

    async def retire(self, held: HeldRun) -> None:
        """A stopped run needs no lease any more, once nothing is left to do."""
        self._let_go(held)
        await self.endings.begin(held.writer)

    async def keep_leases(self) -> None:
        """Renew every lease well before it expires; drop runs that are lost. Runs until cancelled."""
        while True:
            await self._clock.sleep_us(self._lease_seconds * 1_000_000 // 3)
            for held in list(self._held.values()):
                if not await self._renew(held.writer):
                    self.drop(held)
            for writer in self.endings.writers():
                if not await self._renew(writer):
                    self.endings.give_up(writer.run.run_id)

    async def adopt_unheld(self, reason: ResumeReason) -> list[str]:
        """Take over every run whose holder is gone, and take back those dropped here; the ids taken."""
        candidates = await asyncio.to_thread(self._leases.unheld, self._owner)
        taken = []
        not_resumed: dict[str, str] = {}
        for run_id in candidates:
            if self._is_looked_after(run_id):
                continue
            if self._setbacks.resting(run_id):
                if run_id in self.not_resumed:
                    not_resumed[run_id] = self.not_resumed[run_id]
                continue
            try:
                await self.adopt(run_id, reason)
                taken.append(run_id)
            except Conflict:
                continue  # somebody else was quicker
            except Exception as error:  # noqa: BLE001 - one run that cannot be read must not keep the others waiting
                _log.exception("run cannot be resumed", extra={"run_id": run_id})
                self.rest(run_id)
                not_resumed[run_id] = _reason(error)
        self.not_resumed = not_resumed
        return taken

    async def watch_unheld(self) -> None:
        """Look for runs to take over once a second. Runs until cancelled."""
        while True:
            try:
                await self.adopt_unheld(ResumeReason.TAKEOVER)
            except StoreError:
                _log.exception("looking for runs to take over failed")
            await self._clock.sleep_us(_WATCH_US)

    async def release_all(self) -> None:
        """Give every run back, so that another process may take it at once."""
        for held in list(self._held.values()):
            try:
                await self._release(held)
            except DepotSimError:
                _log.exception("run not released", extra={"run_id": held.run.run_id})
        await self.endings.release_all()

    async def _locked(self, run_id: str) -> HeldRun:
        for _ in range(_ATTEMPTS):
            held = self._held.get(run_id) or await self.adopt(run_id, ResumeReason.TAKEOVER)
            await held.lock.acquire()
            if self._held.get(run_id) is held:
                return held
            held.lock.release()
        raise Conflict(f"run {run_id} has just been reloaded", "send the request again")

    def _is_looked_after(self, run_id: str) -> bool:
        return run_id in self._held or run_id in self._starting or run_id in self.endings

    def _let_go(self, held: HeldRun) -> bool:
        """Whether it was still held."""
        run_id = held.run.run_id
        was_held = self._held.get(run_id) is held
        if was_held:
            del self._held[run_id]
        if held.driver is not None and held.driver is not asyncio.current_task():
            held.driver.cancel()
        return was_held

    def _give_up_start(self, run_id: str, token: int) -> None:
        """Without a first event the lease names no run; with one, somebody has to look after it."""
        end = self._leases.release if self._archive.exists(run_id) else self._leases.retire
        end(run_id, token)

    async def _adopt(self, run_id: str, reason: ResumeReason) -> HeldRun:
        await asyncio.to_thread(self._archive.require, run_id)
        token = await asyncio.to_thread(self._leases.acquire, run_id, self._owner, self._lease_seconds)
        if token is None:
            holder = await asyncio.to_thread(self._leases.holder, run_id)
            raise RunHeldElsewhere(run_id, holder or "", self._owner)
        try:
            stored = await asyncio.to_thread(self._archive.load, run_id)
            if stored.run.status is not RunStatus.STOPPED:
                return self.hold(await self._resume(stored, token, reason))
        except BaseException:
            # Another process may be able to do what this one could not, such as reading a newer event.
            await asyncio.to_thread(self._leases.release, run_id, token)
            raise
        await self.endings.begin(RunWriter(stored, token))
        raise _stopped(run_id)

    async def _resume(self, stored: StoredRun, token: int, reason: ResumeReason) -> HeldRun:
        run, writer = stored.run, RunWriter(stored, token)
        run.acquire_lease(self._owner, token)
        run.resume(reason)
        await self._journal.append(writer.next_append())
        _log.info("run resumed", extra={"run_id": run.run_id, "reason": reason.value, "token": token})
        return HeldRun(writer)

    async def _release(self, held: HeldRun) -> None:
        run_id = held.run.run_id
        async with held.lock:
            if self._held.get(run_id) is not held:
                return
            held.run.release_lease()
            await self.save(held)
            await self._keep_snapshot(held)
            self.drop(held)
            await asyncio.to_thread(self._leases.release, run_id, held.writer.token)

    async def _renew(self, writer: RunWriter) -> bool:
        """Whether the lease is still ours, as far as can be told."""
        run_id = writer.run.run_id
        try:
            await asyncio.to_thread(self._leases.renew, run_id, writer.token, self._lease_seconds)
        except LeaseLost:
            _log.warning("lease lost", extra={"run_id": run_id})
            return False
        except StoreError:
            _log.exception("lease not renewed", extra={"run_id": run_id})
        return True

    async def _keep_snapshot(self, held: HeldRun) -> None:
        """A snapshot that cannot be kept costs time at the next load, nothing else."""
        try:
            await asyncio.to_thread(self._archive.keep_snapshot, held.writer.stored)
        except StoreError:
            _log.exception("snapshot not kept", extra={"run_id": held.run.run_id})


def _reason(error: Exception) -> str:
    """For a person who may not read the log; the log has the rest."""
    if not isinstance(error, DepotSimError):
        return "a defect of depot-sim; see the service's log"
    return f"{error.detail}; {error.hint}" if error.hint else error.detail


def _stopped(run_id: str) -> CommandRefused:
    return CommandRefused(f"run {run_id} is stopped", "start a new run")
