"""The sessions this process works with: loaded once, decided on in memory, appended without waiting for each other.

A decision is made on the aggregates in memory and its events are handed to the journal at once, so that many messages
share a commit; the caller waits for the commit alone. Whoever wrote in between makes the append fail: then the session
is dropped, loaded again, and the decision is repeated on what the log says.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from depot_sim.application.event_log import EventLog, Fence, Journal
from depot_sim.application.oscp.session.hosted import HostedSession, Versions
from depot_sim.application.oscp.session.time import SessionTime
from depot_sim.application.repository import Origin, pending_append
from depot_sim.application.run.host import RunHost
from depot_sim.application.snapshots import Snapshots
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.interaction.expectations import Expectations
from depot_sim.domain.interaction.overrides import Overrides
from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.errors import NotFound, RunHeldElsewhere, VersionConflict
from depot_sim.domain.kernel.events import decode
from depot_sim.domain.oscp.directory import STREAM as DIRECTORY
from depot_sim.domain.oscp.directory import OscpDirectory, OscpSessionListed, session_id_of
from depot_sim.domain.oscp.ledger import OscpMessageLedgerEntry
from depot_sim.domain.oscp.session import OscpCapacityProviderSession
from depot_sim.domain.oscp.state import SessionState
from depot_sim.domain.oscp.vocabulary import LIVE

T = TypeVar("T")

SNAPSHOT_EVERY = 1_000
"""Events between two snapshots of a session."""
_SNAPSHOT_FORMAT = 1
_ATTEMPTS = 8
_KEPT_SESSIONS = 4_096


class OscpSessions:
    """Finds, loads and saves sessions. All in `on_change` are told of every session that moved."""

    def __init__(self, log: EventLog, journal: Journal, host: RunHost, time: SessionTime) -> None:
        self._log = log
        self._journal = journal
        self._host = host
        self._time = time
        self._snapshots = Snapshots(log, SessionState, _SNAPSHOT_FORMAT, SNAPSHOT_EVERY)
        self._directory = OscpDirectory()
        self._reading = asyncio.Lock()
        self._loaded: OrderedDict[str, HostedSession] = OrderedDict()
        self._loading: dict[str, asyncio.Task[HostedSession]] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self.on_change: list[Callable[[HostedSession], None]] = []

    # Finding

    async def by_configuration(self, configuration_id: str) -> str | None:
        """The id of the active session for a configuration of the partner."""
        return await self._active(lambda: self._directory.state.by_configuration.get(configuration_id))

    async def by_token(self, token_sha256: str) -> str | None:
        return await self._active(lambda: self._directory.state.by_token.get(token_sha256))

    async def of_run(self, run_id: str) -> list[str]:
        """Active sessions of a run."""
        await self._refresh()
        return self._directory.of_run(run_id)

    async def find(self, run_id: str, session_id: str) -> HostedSession:
        """Raises NotFound when the run has no such session."""
        listed = await self._listed(session_id)
        if listed is None or listed.run_id != run_id:
            raise NotFound(f"run {run_id} has no OSCP session {session_id}", "list its sessions to see their ids")
        return await self.get(session_id)

    async def known(self, run_id: str, remote_configuration_id: str) -> HostedSession | None:
        """The session of a run for a configuration, ended or not; None when there never was one."""
        try:
            return await self.get(session_id_of(run_id, remote_configuration_id))
        except NotFound:
            return None

    async def get(self, session_id: str) -> HostedSession:
        """The session as the log has it, or ahead of it by what is being written. Raises NotFound."""
        hosted = self._loaded.get(session_id)
        if hosted is not None:
            return hosted
        task = self._loading.get(session_id)
        if task is None:
            task = self._loading[session_id] = asyncio.create_task(self._load(session_id))
        return await asyncio.shield(task)

    # Deciding

    async def enlist(
        self, listed: OscpSessionListed, attach: Callable[[HostedSession], None], origin: Origin
    ) -> HostedSession:
        """Let `attach` begin a session, new or ended before, and save it together with its entry in the directory.

        Raises Conflict when the configuration belongs to an active session.
        """

        async def hosted() -> HostedSession:
            known = await self.known(listed.run_id, listed.remote_configuration_id)
            return known if known is not None else _new(listed)

        def change(hosted: HostedSession, _: Moment | None) -> None:
            attach(hosted)
            self._directory.enlist(listed)

        begun = await self._with_directory(hosted, change, origin, lambda: self.fence(listed.run_id))
        self._loaded[listed.session_id] = begun
        return begun

    async def strike(
        self,
        session_id: str,
        detach: Callable[[HostedSession, Moment], None],
        origin: Origin | None = None,
        *,
        fenced: bool = True,
    ) -> None:
        """Let `detach` end a session, and take it out of the directory in the same append."""
        run_id = (await self.get(session_id)).session.attached.run_id

        def change(hosted: HostedSession, moment: Moment | None) -> None:
            assert moment is not None, "the session was attached"
            detach(hosted, moment)
            self._directory.strike(session_id)

        fence = (lambda: self.fence(run_id)) if fenced else (lambda: self.fence_if_held(run_id))
        await self._with_directory(lambda: self.get(session_id), change, origin, fence)

    async def list_token(self, session_id: str, token_sha256: str) -> None:
        """Let this token find the session as well. Raises RunHeldElsewhere."""
        run_id = (await self.get(session_id)).session.attached.run_id
        await self._with_directory(
            lambda: self.get(session_id),
            lambda _, __: self._directory.list_token(session_id, token_sha256),
            None,
            lambda: self.fence(run_id),
        )

    async def _with_directory(
        self,
        find: Callable[[], Awaitable[HostedSession]],
        change: Callable[[HostedSession, Moment | None], None],
        origin: Origin | None,
        fence: Callable[[], Fence | None],
    ) -> HostedSession:
        """Save a change of a session and of the directory; repeated when somebody else wrote to either first."""
        for attempt in range(_ATTEMPTS):
            hosted = await find()
            attached = hosted.session.state.attached
            moment = None if attached is None else await self._time.moment(attached)
            await self._refresh()
            if hosted.dropped:
                continue
            directory = self._directory
            try:
                change(hosted, moment)
                await self.save(hosted, (directory,), origin, fence())
            except BaseException as error:
                self._directory = OscpDirectory()
                self.drop(hosted)
                if isinstance(error, VersionConflict) and attempt < _ATTEMPTS - 1:
                    continue
                raise
            return hosted
        raise VersionConflict(DIRECTORY, 0)

    async def decide(
        self,
        session_id: str,
        decision: Callable[[HostedSession, Moment], T],
        *,
        beside: Callable[[T], Sequence[Aggregate[Any]]] = lambda _: (),
        origin: Origin | None = None,
        fenced: bool = True,
    ) -> T:
        """Let `decision` change the session, at its present moment, and save what it decided; its result.

        `beside` names further aggregates to be saved in the same append. Repeated when somebody else wrote first, but
        a conflict on one of those is the caller's. With `fenced` this process must hold the run.
        """
        for attempt in range(_ATTEMPTS):
            hosted = await self.get(session_id)
            attached = hosted.session.attached
            fence = self.fence(attached.run_id) if fenced else self.fence_if_held(attached.run_id)
            moment = await self._time.moment(attached)
            if hosted.dropped:
                continue
            result = self._decided(hosted, decision, moment)
            others = beside(result)
            try:
                await self.save(hosted, others, origin, fence)
            except VersionConflict as conflict:
                if conflict.stream in {other.stream for other in others} or attempt == _ATTEMPTS - 1:
                    raise
                continue
            return result
        raise VersionConflict(f"oscp session {session_id}", 0)

    def _decided(self, hosted: HostedSession, decision: Callable[[HostedSession, Moment], T], moment: Moment) -> T:
        """What the decision came to. A session that is no longer live takes its expectations along."""
        was_live = hosted.session.lifecycle in LIVE
        try:
            hosted.session.time_out(moment.target)  # what is over does not go on because its timer is late
            result = decision(hosted, moment)
        except BaseException:
            self._drop_if_ahead(hosted)
            raise
        if was_live and hosted.session.lifecycle not in LIVE:
            hosted.expectations.went_offline(moment)
        return result

    async def save(
        self, hosted: HostedSession, others: Sequence[Aggregate[Any]], origin: Origin | None, fence: Fence | None
    ) -> None:
        """Append everything pending, all or nothing; after a failure the session is loaded again."""
        try:
            append = pending_append((*others, hosted.session, hosted.overrides, hosted.expectations), origin, fence)
            if not append.writes:
                return
            reached = hosted.versions
            hosted.saves_under_way += 1
            await self._journal.append(append)
            hosted.saves_under_way -= 1
        except BaseException:
            self.drop(hosted)
            raise
        if not hosted.saves_under_way and not hosted.dropped:
            self._snapshots.keep(self._snapshots.take(hosted.session))
        self.has_moved(await self._reloaded(hosted.id, reached) if hosted.dropped else hosted)

    async def _reloaded(self, session_id: str, reached: Versions) -> HostedSession:
        """The session with what was saved: who loaded it while that was being written does not know of it."""
        hosted = await self.get(session_id)
        while any(map(int.__lt__, hosted.versions, reached)):
            self.forget(session_id)
            hosted = await self.get(session_id)
        return hosted

    def has_moved(self, hosted: HostedSession) -> None:
        """Tell everybody who waits for changes of the session."""
        changed = self._changed.pop(hosted.id, None)
        if changed is not None:
            changed.set()
        for tell in self.on_change:
            tell(hosted)

    def changed(self, session_id: str) -> asyncio.Event:
        """Is set at the session's next change that this process knows of."""
        return self._changed.setdefault(session_id, asyncio.Event())

    def fence(self, run_id: str) -> Fence:
        """Raises RunHeldElsewhere when this process does not hold the run."""
        fence = self.fence_if_held(run_id)
        if fence is None:
            raise RunHeldElsewhere(run_id, "another process, or nobody")
        return fence

    def fence_if_held(self, run_id: str) -> Fence | None:
        held = self._host.held(run_id)
        return Fence(run_id, held.writer.token) if held is not None else None

    def drop(self, hosted: HostedSession) -> None:
        """Forget what is ahead of the log."""
        hosted.dropped = True
        attached = hosted.session.state.attached
        if attached is not None and self._loaded.get(attached.session_id) is hosted:
            del self._loaded[attached.session_id]

    def forget(self, session_id: str) -> None:
        """Load the session anew before it is used again."""
        hosted = self._loaded.get(session_id)
        if hosted is not None:
            self.drop(hosted)

    def loaded(self) -> list[HostedSession]:
        return list(self._loaded.values())

    # Reading

    async def read_entry(self, stream: str) -> OscpMessageLedgerEntry:
        """A ledger entry as the log has it."""
        entry = OscpMessageLedgerEntry(stream)
        rows = await asyncio.to_thread(self._log.read_stream, stream)
        entry.fold(decode(row.topic, row.state) for row in rows)
        return entry

    async def _load(self, session_id: str) -> HostedSession:
        try:
            return await self._load_listed(session_id)
        finally:  # not in a callback of the task: who is woken before that would get a session forgotten meanwhile
            del self._loading[session_id]

    async def _load_listed(self, session_id: str) -> HostedSession:
        listed = await self._listed(session_id)
        if listed is None:
            raise _unknown(session_id)
        hosted = _new(listed)
        await self._snapshots.restore(hosted.session)
        for aggregate in (hosted.session, hosted.overrides, hosted.expectations):
            await self._fold(aggregate)
        begun = self._loaded.get(session_id)
        if begun is not None:
            return begun  # here, while the log was being read
        if not hosted.session.version:
            raise _unknown(session_id)  # listed already, but its beginning is still being written
        self._loaded[session_id] = hosted
        if len(self._loaded) > _KEPT_SESSIONS:
            self._loaded.popitem(last=False)
        return hosted

    async def _fold(self, aggregate: Aggregate[Any]) -> None:
        rows = await asyncio.to_thread(self._log.read_stream, aggregate.stream, after=aggregate.version)
        aggregate.fold(decode(row.topic, row.state) for row in rows)

    async def _listed(self, session_id: str) -> OscpSessionListed | None:
        return await self._look_up(lambda: self._directory.state.known.get(session_id))

    async def _look_up(self, find: Callable[[], T | None]) -> T | None:
        """Find in what is known of the directory, or in what it has become meanwhile."""
        found = find()
        if found is None:
            await self._refresh()
            found = find()
        return found

    async def _active(self, find: Callable[[], str | None]) -> str | None:
        """As `_look_up`, but what is known of a session that has ended may be old: its partner may be elsewhere now."""
        session_id = await self._look_up(find)
        if session_id is None or await self._is_active(session_id):
            return session_id
        await self._refresh()
        session_id = find()
        return session_id if session_id is not None and await self._is_active(session_id) else None

    async def _is_active(self, session_id: str) -> bool:
        """One that is not is loaded anew when it is next asked for."""
        try:
            hosted = await self.get(session_id)
        except NotFound:
            return False
        if not hosted.session.is_active:
            self.drop(hosted)
        return hosted.session.is_active

    async def _refresh(self) -> None:
        """Bring the directory up to the log; a new one if it was given up meanwhile."""
        async with self._reading:
            directory = None
            while directory is not self._directory:
                directory = self._directory
                await self._fold(directory)

    def _drop_if_ahead(self, hosted: HostedSession) -> None:
        if hosted.session.pending or hosted.overrides.pending or hosted.expectations.pending:
            self.drop(hosted)


def _new(listed: OscpSessionListed) -> HostedSession:
    session = OscpCapacityProviderSession(listed.run_id, listed.remote_configuration_id)
    return HostedSession(session, Overrides(listed.session_id), Expectations(listed.session_id))


def _unknown(session_id: str) -> NotFound:
    return NotFound(f"there is no OSCP session {session_id}", "list the run's sessions to see their ids")
