"""What other processes do to sessions: they take messages too, but timers and sending are with the holder of the run."""

from __future__ import annotations

import asyncio
import logging

from application.clock import Clock
from application.event_log import EventLog, Filter
from application.oscp.clockwork import Clockwork
from application.oscp.sessions import OscpSessions
from application.subscription import read_page
from domain.errors import DepotSimError
from domain.oscp.events import OscpLifecycleChanged

_log = logging.getLogger("depot_sim.oscp")

_LOOK_US = 200_000
_MOVED = Filter(topics=(OscpLifecycleChanged.TOPIC,))


class Others:
    """Looks for lifecycles that moved without this process: there may be something to send, such as an acknowledgement.

    Anything else another process has written shows as a conflict when this one decides, and is read then.
    """

    def __init__(self, log: EventLog, sessions: OscpSessions, clockwork: Clockwork, clock: Clock) -> None:
        self._log = log
        self._sessions = sessions
        self._clockwork = clockwork
        self._clock = clock

    async def run(self) -> None:
        """Look until cancelled."""
        seen = await asyncio.to_thread(self._log.head)
        while True:
            await self._clock.sleep_us(_LOOK_US)
            try:
                seen = await self._look(seen)
            except DepotSimError as error:
                _log.warning("other processes' messages not seen: %s", error)

    async def _look(self, seen: int) -> int:
        """How far the log has been seen now."""
        page = await asyncio.to_thread(read_page, self._log, seen, _MOVED)
        versions = {row.stream: row.version for row in page.rows}
        for hosted in self._sessions.loaded():
            if versions.get(hosted.session.stream, 0) > hosted.session.version:
                self._sessions.forget(hosted.id)
                self._clockwork.look_at(await self._sessions.get(hosted.id))
        return page.upto
