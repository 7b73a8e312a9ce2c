"""Tells each run which forecasts hold for its scopes, so that a scope above one is a breach of the world.

While a session is live its primary forecasts hold; when the partner was lost, the fallback ones do in their place;
after an intended end none does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress

from depot_sim.application.oscp.session.hosted import HostedSession
from depot_sim.application.oscp.session.sessions import OscpSessions
from depot_sim.application.oscp.session.time import SessionTime
from depot_sim.application.repository import Origin
from depot_sim.application.runtime import RunCommands
from depot_sim.application.under_way import UnderWay, Work
from depot_sim.domain.kernel.errors import CommandRefused, DepotSimError
from depot_sim.domain.kernel.quantities import Power, SinceStart
from depot_sim.domain.oscp.events import Cause, OscpProviderSessionAttached
from depot_sim.domain.oscp.forecast import mean_w
from depot_sim.domain.oscp.state import PublishedForecast, SessionState
from depot_sim.domain.oscp.vocabulary import LIVE, ForecastType
from depot_sim.domain.oscp.wire.messages import Block
from depot_sim.domain.run.commands import ApplyForecast, CapacityBlock, Command, WithdrawForecast
from depot_sim.domain.run.world.site.forecast import ForecastType as WatchedType

_log = logging.getLogger("depot_sim.oscp")

_ORIGIN = Origin(actor="oscp")
_FALLBACK = {
    ForecastType.CONSUMPTION: ForecastType.FALLBACK_CONSUMPTION,
    ForecastType.GENERATION: ForecastType.FALLBACK_GENERATION,
}
_WATCHED = {
    ForecastType.CONSUMPTION: WatchedType.CONSUMPTION,
    ForecastType.GENERATION: WatchedType.GENERATION,
}
_INTENDED = frozenset({Cause.DISCONNECTED, Cause.DETACHED})

Holding = Mapping[ForecastType, PublishedForecast | None]


class ForecastsToRun:
    """Follows the sessions of the runs this process holds."""

    def __init__(self, sessions: OscpSessions, commands: RunCommands, time: SessionTime, under_way: UnderWay) -> None:
        self._sessions = sessions
        self._commands = commands
        self._time = time
        self._under_way = under_way
        self._told: dict[str, dict[ForecastType, str]] = {}
        self._telling: dict[str, asyncio.Task[None]] = {}
        sessions.on_change.append(self._look_at)

    def _look_at(self, hosted: HostedSession) -> None:
        if not hosted.session.state.forecasts or hosted.id in self._telling:
            return
        if self._sessions.fence_if_held(hosted.session.attached.run_id) is None:
            return
        if _ids(holding(hosted.session.state)) != self._told.get(hosted.id, {}):
            work = self._under_way.work(hosted.run_id, hosted.id).begin()
            task = self._telling[hosted.id] = asyncio.create_task(self._tell(hosted.id, work))
            task.add_done_callback(lambda _: self._telling.pop(hosted.id, None))
            task.add_done_callback(lambda _: work.end())

    async def _tell(self, session_id: str, work: Work) -> None:
        """Bring the run up to the session, which may go on changing meanwhile."""
        try:
            while True:
                hosted = await self._sessions.get(session_id)
                holds, told = holding(hosted.session.state), self._told.setdefault(session_id, {})
                changed = [type for type, id in _ids_of_all(holds).items() if told.get(type, "") != id]
                if not changed:
                    return
                for type in changed:
                    with suppress(CommandRefused):  # the run knows, from before a restart
                        async with work.turn(hosted.session.version):
                            await self._command(hosted.session.attached, type, holds[type])
                    told.pop(type, None)
                    told |= _ids({type: holds[type]})
        except DepotSimError as error:
            _log.warning("the run was not told of a forecast: %s", error)

    async def _command(
        self, attached: OscpProviderSessionAttached, type: ForecastType, forecast: PublishedForecast | None
    ) -> None:
        scope, watched = attached.managed_scope_id, _WATCHED[type]
        command: Command = WithdrawForecast(scope, watched)
        if forecast is not None:
            blocks = [await self._block(attached, block) for block in forecast.blocks]
            held = tuple(block for block in blocks if block is not None)
            command = ApplyForecast(scope, forecast.request_id, watched, held)
        await self._commands.command(attached.run_id, command, _ORIGIN)

    async def _block(self, attached: OscpProviderSessionAttached, block: Block) -> CapacityBlock | None:
        """The block on the run's clock; None for one whose unit is no power, or whose time the run does not know."""
        capacity_w = mean_w(block)
        start = await self._time.run_moment(attached, block.start)
        end = await self._time.run_moment(attached, block.end)
        if capacity_w is None or start is None or end is None or end <= start:
            return None
        return CapacityBlock(SinceStart(start), SinceStart(end), Power(capacity_w))


def holding(state: SessionState) -> Holding:
    """The forecast of each watched type that holds now."""
    if state.lifecycle in LIVE:
        return {type: state.forecast(type) for type in _FALLBACK}
    if state.detached or state.cause in _INTENDED:
        return dict.fromkeys(_FALLBACK)
    return {type: state.forecast(fallback) for type, fallback in _FALLBACK.items()}


def _ids_of_all(holds: Holding) -> dict[ForecastType, str]:
    return {type: _id(forecast) for type, forecast in holds.items()}


def _ids(holds: Holding) -> dict[ForecastType, str]:
    return {type: forecast.request_id for type, forecast in holds.items() if forecast is not None}


def _id(forecast: PublishedForecast | None) -> str:
    return "" if forecast is None else forecast.request_id
