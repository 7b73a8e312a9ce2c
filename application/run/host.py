"""The runs this process holds: one writer each, behind a lock, under a lease that is kept alive.

A run is held from start or adoption until it stops, is released, or its lease is lost. Whatever goes wrong with an
append, the writer is dropped and the run is loaded again from the log: memory never runs ahead of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from application.clock import Clock
from application.event_log import EventLog, Journal, Leases, StreamWrite
from application.run.archive import RunArchive
from application.run.writer import RunWriter
from domain.errors import CommandRefused, Conflict, DepotSimError, LeaseLost, NotFound, RunHeldElsewhere, StoreError
from domain.run.aggregate import RunStatus
from domain.run.events import ResumeReason

_log = logging.getLogger("depot_sim.runs")


class HeldRun:
    """A run this process writes. Everything that touches the writer holds the lock."""

    def __init__(self, writer: RunWriter) -> None:
        self.writer = writer
        self.lock = asyncio.Lock()
        self.saved_version = writer.run.version
        self.driver: asyncio.Task[None] | None = None


class RunHost:
    """Holds runs and writes them. `on_held` is told of every run taken, to drive its clock."""

    def __init__(
        self, log: EventLog, journal: Journal, leases: Leases, clock: Clock, owner: str, lease_seconds: int = 5
    ) -> None:
        self._archive = RunArchive(log)
        self._journal = journal
        self._leases = leases
        self._clock = clock
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._held: dict[str, HeldRun] = {}
        self._starting: set[str] = set()
        self._adopting: dict[str, asyncio.Lock] = {}
        self.on_held: Callable[[str, HeldRun], None] | None = None

    @property
    def owner(self) -> str:
        return self._owner

    def held(self, run_id: str) -> HeldRun | None:
        return self._held.get(run_id)

    def held_ids(self) -> list[str]:
        return list(self._held)

    @asynccontextmanager
    async def starting(self, run_id: str) -> AsyncIterator[int]:
        """A fencing token for a run that is about to start. Raises Conflict when somebody has its lease."""
        token = await asyncio.to_thread(self._leases.acquire, run_id, self._owner, self._lease_seconds)
        if token is None:
            raise Conflict(f"run {run_id} is being started elsewhere", "choose another run id")
        self._starting.add(run_id)
        try:
            yield token
        except BaseException:
            await asyncio.to_thread(self._leases.retire, run_id, token)
            raise
        finally:
            self._starting.discard(run_id)

    def hold(self, held: HeldRun) -> HeldRun:
        run_id = held.writer.run.run_id
        self._held[run_id] = held
        if self.on_held is not None:
            self.on_held(run_id, held)
        return held

    async def adopt(self, run_id: str, reason: ResumeReason) -> HeldRun:
        """Take a run over: load it, prove it in its stream. Raises RunHeldElsewhere or NotFound."""
        async with self._adopting.setdefault(run_id, asyncio.Lock()):
            held = self._held.get(run_id)
            return held if held is not None else await self._adopt(run_id, reason)

    @asynccontextmanager
    async def writing(self, run_id: str) -> AsyncIterator[HeldRun]:
        """The held run under its lock, taken over first if nobody holds it. An error inside drops what was decided."""
        held = self._held.get(run_id) or await self.adopt(run_id, ResumeReason.TAKEOVER)
        async with held.lock:
            if self._held.get(run_id) is not held:
                raise Conflict(f"run {run_id} has just been reloaded", "send the request again")
            try:
                yield held
            finally:
                if held.writer.run.pending:
                    self._drop(run_id)

    async def save(self, held: HeldRun, metadata: bytes = b"", beside: Sequence[StreamWrite] = ()) -> None:
        """Append what is pending. On any error the run is dropped; the error tells the caller what to do."""
        append = held.writer.next_append(metadata, beside=beside)
        if not append.writes:
            return
        try:
            await self._journal.append(append)
        except BaseException:
            self._drop(held.writer.run.run_id)
            raise
        held.saved_version = held.writer.run.version
        if held.writer.wants_snapshot:
            held.writer.wants_snapshot = False
            await asyncio.to_thread(self._archive.keep_snapshot, held.writer.stored)

    async def retire(self, run_id: str) -> None:
        """A stopped run needs no lease any more."""
        held = self._held.pop(run_id)
        await asyncio.to_thread(self._leases.retire, run_id, held.writer.token)

    async def keep_leases(self) -> None:
        """Renew every lease well before it expires; drop runs that are lost. Runs until cancelled."""
        while True:
            await self._clock.sleep_us(self._lease_seconds * 1_000_000 // 3)
            for run_id, held in list(self._held.items()):
                await self._renew(run_id, held)

    async def adopt_unheld(self, reason: ResumeReason) -> list[str]:
        """Take over every run whose holder is gone, and take back those dropped here; the ids taken."""
        candidates = await asyncio.to_thread(self._leases.unheld, self._owner)
        taken = []
        for run_id in candidates:
            if run_id in self._held or run_id in self._starting:
                continue
            try:
                await self.adopt(run_id, reason)
                taken.append(run_id)
            except Conflict:
                continue  # somebody else was quicker
            except DepotSimError:
                _log.exception("run cannot be resumed", extra={"run_id": run_id})
        return taken

    async def watch_unheld(self) -> None:
        """Look for runs to take over once a second. Runs until cancelled."""
        while True:
            try:
                await self.adopt_unheld(ResumeReason.TAKEOVER)
            except StoreError:
                _log.exception("looking for runs to take over failed")
            await self._clock.sleep_us(1_000_000)

    async def release_all(self) -> None:
        """Give every run back, so that another process may take it at once."""
        for run_id, held in list(self._held.items()):
            async with held.lock:
                if self._held.get(run_id) is not held:
                    continue
                held.writer.run.release_lease()
                await self.save(held)
                await asyncio.to_thread(self._archive.keep_snapshot, held.writer.stored)
                await asyncio.to_thread(self._leases.release, run_id, held.writer.token)
                self._drop(run_id)

    async def _adopt(self, run_id: str, reason: ResumeReason) -> HeldRun:
        token = await asyncio.to_thread(self._leases.acquire, run_id, self._owner, self._lease_seconds)
        if token is None:
            holder = await asyncio.to_thread(self._leases.holder, run_id)
            raise RunHeldElsewhere(run_id, holder or "another process")
        try:
            stored = await asyncio.to_thread(self._archive.load, run_id)
        except NotFound:
            await asyncio.to_thread(self._leases.retire, run_id, token)
            raise
        writer = RunWriter(stored, token)
        if stored.run.status is RunStatus.STOPPED:
            await asyncio.to_thread(self._leases.retire, run_id, token)
            raise CommandRefused(f"run {run_id} is stopped", "start a new run")
        stored.run.acquire_lease(self._owner, token)
        stored.run.resume(reason)
        await self._journal.append(writer.next_append())
        _log.info("run resumed", extra={"run_id": run_id, "reason": reason.value, "token": token})
        return self.hold(HeldRun(writer))

    async def _renew(self, run_id: str, held: HeldRun) -> None:
        try:
            await asyncio.to_thread(self._leases.renew, run_id, held.writer.token, self._lease_seconds)
        except LeaseLost:
            _log.warning("lease lost", extra={"run_id": run_id})
            if self._held.get(run_id) is held:
                self._drop(run_id)
        except StoreError:
            _log.exception("lease not renewed", extra={"run_id": run_id})

    def _drop(self, run_id: str) -> None:
        held = self._held.pop(run_id, None)
        if held is not None and held.driver is not None and held.driver is not asyncio.current_task():
            held.driver.cancel()
