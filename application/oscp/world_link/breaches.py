"""A breach of a forecast calls for an answer: the partner has to send a compliance error about that forecast."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from depot_sim.application.channels.background import Background
from depot_sim.application.oscp.session.called_for import by_breach
from depot_sim.application.oscp.session.sessions import OscpSessions
from depot_sim.application.runtime import HeldRuns
from depot_sim.application.under_way import UnderWay
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.run.events import ManagedScopeBreachDetected

_log = logging.getLogger("depot_sim.oscp")


class Breaches:
    """Raises an expectation for every breach of a forecast that an active session has published."""

    def __init__(self, sessions: OscpSessions, host: HeldRuns, under_way: UnderWay) -> None:
        self._sessions = sessions
        self._under_way = under_way
        self._background = Background(_log)
        host.on_saved.append(self._run_saved)

    def _run_saved(self, run_id: str, _: int, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, ManagedScopeBreachDetected) and event.forecast_id:
                work = self._under_way.work(run_id, "breaches").begin()
                self._background.spawn(self._expect_answer(run_id, event), work)

    async def _expect_answer(self, run_id: str, breach: ManagedScopeBreachDetected) -> None:
        for session_id in await self._sessions.names(run_id):
            hosted = await self._sessions.get(session_id)
            if breach.forecast_id in hosted.session.state.forecasts:
                await self._sessions.decide(
                    session_id, lambda hosted, moment: by_breach(hosted, breach.forecast_id, moment)
                )
