"""Several processes may serve one session: each follows what the others write, so that it decides on what there is.

A partner's message may come to a process that does not run the session's timers, an override or expectation to one
that the next message does not come to. Within a tenth of a second all of them know.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from depot_sim.application.clock import Clock
from depot_sim.application.event_log import Filter, Row
from depot_sim.application.oscp.session.hosted import HostedSession
from depot_sim.application.oscp.session.sessions import OscpSessions
from depot_sim.application.own_writes import OwnWrites
from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.errors import DepotSimError
from depot_sim.domain.kernel.events import decode

_log = logging.getLogger("depot_sim.oscp")

_LOOK_US = 100_000
_STREAMS = Filter(stream_prefixes=("oscp-", "override-", "expectation-"))

_Loaded = Mapping[str, tuple[HostedSession, Aggregate[Any]]]


class Following:
    """Keeps the sessions loaded here up with the log. What only this process writes costs next to nothing."""

    def __init__(self, writes: OwnWrites, sessions: OscpSessions, clock: Clock) -> None:
        self._writes = writes
        self._sessions = sessions
        self._clock = clock

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self.look()
            except DepotSimError:
                _log.warning("changes of other processes not seen", exc_info=True)
            await self._clock.sleep_us(_LOOK_US)

    async def look(self) -> None:
        """Take over what others have written since the last look."""
        async for rows in self._writes.by_others(_STREAMS):
            for hosted in self._take_over(rows):
                self._sessions.notify_changed(hosted)

    def _take_over(self, rows: Iterable[Row]) -> Iterable[HostedSession]:
        """Fold rows into what is loaded; the sessions that moved."""
        loaded = _by_stream(self._sessions.loaded())
        moved = {}
        for row in rows:
            found = loaded.get(row.stream)
            if found is None or row.version <= found[1].version:
                continue
            hosted, aggregate = found
            if row.version == aggregate.version + 1:
                aggregate.fold((decode(row.topic, row.state),))
                moved[hosted.id] = hosted
            else:
                self._sessions.drop(hosted)
        return moved.values()


def _by_stream(sessions: Iterable[HostedSession]) -> _Loaded:
    return {aggregate.stream: (hosted, aggregate) for hosted in sessions for aggregate in hosted.aggregates}
