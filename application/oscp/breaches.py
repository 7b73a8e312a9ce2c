"""A breach of a forecast calls for an answer: the partner has to send a compliance error about that forecast."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from application.oscp.sessions import HostedSession, OscpSessions
from application.run.host import RunHost
from domain.errors import DepotSimError
from domain.events import Event
from domain.oscp.vocabulary import MessageType, Outcome
from domain.run.events import ManagedScopeBreachDetected
from domain.scenario.exchange import Direction
from domain.scenario.expectation_events import Expectation, Moment, Step

_log = logging.getLogger("depot_sim.oscp")

CAUSE = "breach"


class Breaches:
    """Raises an expectation for every breach of a forecast that an active session has published."""

    def __init__(self, sessions: OscpSessions, host: RunHost) -> None:
        self._sessions = sessions
        self._tasks: set[asyncio.Task[None]] = set()
        host.on_saved.append(self._run_saved)

    def _run_saved(self, run_id: str, _: int, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, ManagedScopeBreachDetected) and event.forecast_id:
                task = asyncio.create_task(self._expect_answer(run_id, event))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _expect_answer(self, run_id: str, breach: ManagedScopeBreachDetected) -> None:
        try:
            for session_id in await self._sessions.of_run(run_id):
                hosted = await self._sessions.get(session_id)
                if breach.forecast_id in hosted.session.state.forecasts:
                    await self._sessions.decide(
                        session_id, lambda hosted, moment: _raise(hosted, breach.forecast_id, moment)
                    )
        except DepotSimError as error:
            _log.warning("no expectation raised for a breach: %s", error)


def _raise(hosted: HostedSession, forecast_id: str, moment: Moment) -> None:
    """One answer is waited for at a time."""
    if any(_is_about(standing.expectation, forecast_id) for standing in hosted.expectations.waiting.values()):
        return
    within_ms = hosted.session.attached.policy.compliance_within_ms
    step = Step(
        Direction.INBOUND,
        (MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR.value,),
        forecast_id,
        outcomes=(Outcome.ACCEPTED.value,),
    )
    hosted.expectations.raise_(
        Expectation(
            (step,),
            moment.session + within_ms,
            requires_online=True,
            title=f"a compliance error about forecast {forecast_id}",
            cause=CAUSE,
        ),
        moment,
    )


def _is_about(expectation: Expectation, forecast_id: str) -> bool:
    return expectation.cause == CAUSE and expectation.steps[0].correlation_id == forecast_id
