"""The sessions this process works with, and how requests find them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar, TypeVar

from depot_sim.application.channels.store import MAX_ATTEMPTS, ChannelStore
from depot_sim.application.event_log import EventLog, Journal
from depot_sim.application.oscp.session.directory import SessionDirectory
from depot_sim.application.oscp.session.hosted import HostedSession
from depot_sim.application.oscp.session.time import SessionTime
from depot_sim.application.repository import Origin, brought_up, pending_append
from depot_sim.application.runtime import HeldRuns
from depot_sim.application.snapshots import Snapshots
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.kernel.errors import NotFound, VersionConflict
from depot_sim.domain.oscp.directory import STREAM as DIRECTORY
from depot_sim.domain.oscp.directory import DirectoryState, OscpSessionListed
from depot_sim.domain.oscp.ledger import OscpMessageLedgerEntry
from depot_sim.domain.oscp.state import SessionState

T = TypeVar("T")

SNAPSHOT_EVERY = 1_000
"""Events between two snapshots of a session."""
_SNAPSHOT_FORMAT = 1

Change = Callable[[HostedSession, Moment], None]


class OscpSessions(ChannelStore[str, HostedSession]):
    """By session id, which is also the name of a session in its run."""

    NOUN: ClassVar[str] = "OSCP session"

    def __init__(self, log: EventLog, journal: Journal, host: HeldRuns, time: SessionTime) -> None:
        super().__init__(log, journal, host, Snapshots(log, SessionState, _SNAPSHOT_FORMAT, SNAPSHOT_EVERY))
        self._time = time
        self.directory = SessionDirectory(log)

    async def new(self, key: str) -> HostedSession:
        listed = await self.directory.listed(key)
        if listed is None:
            raise NotFound(f"there is no OSCP session {key}", "list the run's sessions to see their ids")
        return HostedSession(listed)

    async def moment(self, channel: HostedSession) -> Moment:
        return await self._time.moment(channel.session.attached)

    # Finding

    async def find(self, run_id: str, name: str) -> HostedSession:
        listed = await self.directory.listed(name)
        if listed is None or listed.run_id != run_id:
            raise self.unknown(run_id, name)
        return await self.get(name)

    async def names(self, run_id: str) -> list[str]:
        """Active sessions of a run."""
        return await self.directory.of_run(run_id)

    async def by_configuration(self, configuration_id: str) -> str | None:
        """The id of the active session for a configuration of the partner."""
        return await self._active(lambda state: state.by_configuration.get(configuration_id))

    async def by_token(self, token_sha256: str) -> str | None:
        return await self._active(lambda state: state.by_token.get(token_sha256))

    async def _active(self, find: Callable[[DirectoryState], str | None]) -> str | None:
        """The id of the active session that is found.

        One that has ended may be found in an old directory: its configuration may belong to another session by now.
        """
        session_id = await self.directory.look_up(find)
        if session_id is None or await self._is_active(session_id):
            return session_id
        await self.directory.refresh()
        session_id = find(self.directory.aggregate.state)
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

    # With the directory

    async def register(
        self, listed: OscpSessionListed, moment: Moment, attach: Change, origin: Origin
    ) -> HostedSession:
        """Let `attach` begin a session, new or ended before, and save it together with its entry in the directory.

        Raises Conflict when the configuration belongs to an active session.
        """

        def begin(hosted: HostedSession, moment: Moment) -> None:
            attach(hosted, moment)
            self.directory.aggregate.register(listed)
            hosted.save_with(self.directory.aggregate)

        async def write() -> HostedSession:
            hosted = await self._known_or_new(listed)
            await self.apply(hosted, moment, begin, origin, self.fence(listed.run_id))
            self.keep(hosted)
            return hosted

        return await self._with_directory(write)

    async def unregister(
        self, session_id: str, detach: Change, origin: Origin | None = None, *, fenced: bool = True
    ) -> None:
        """Let `detach` end a session, and take it out of the directory in the same append."""

        def end(hosted: HostedSession, moment: Moment) -> None:
            detach(hosted, moment)
            self.directory.aggregate.unregister(session_id)
            hosted.save_with(self.directory.aggregate)

        await self._with_directory(lambda: self.decide(session_id, end, origin=origin, fenced=fenced))

    async def list_token(self, session_id: str, token_sha256: str) -> None:
        """Let this token find the session as well. Raises RunHeldElsewhere."""
        run_id = (await self.get(session_id)).run_id

        async def write() -> None:
            self.directory.aggregate.list_token(session_id, token_sha256)
            await self._journal.append(pending_append((self.directory.aggregate,), None, self.fence(run_id)))

        await self._with_directory(write)

    async def _with_directory(self, write: Callable[[], Awaitable[T]]) -> T:
        """Let `write` change the directory and save it; repeated when another process wrote first."""
        for attempt in range(1, MAX_ATTEMPTS + 1):
            await self.directory.refresh()
            try:
                return await write()
            except BaseException as error:
                self.directory.forget()
                if attempt == MAX_ATTEMPTS or not isinstance(error, VersionConflict):
                    raise
        raise VersionConflict(DIRECTORY, self.directory.aggregate.version)

    async def _known_or_new(self, listed: OscpSessionListed) -> HostedSession:
        """The session of a run for a configuration, ended or not, or a new one when there never was one."""
        try:
            return await self.get(listed.session_id)
        except NotFound:
            return HostedSession(listed)

    # Reading

    async def read_entry(self, stream: str) -> OscpMessageLedgerEntry:
        """A ledger entry as the log has it."""
        return await brought_up(self._log, OscpMessageLedgerEntry(stream))
