"""What the world has to say about a message: its meters' figures for a measured window, its age, its breaches."""

from __future__ import annotations

import asyncio

from depot_sim.application.event_log import EventLog
from depot_sim.application.oscp.ports import ScopeMeter
from depot_sim.application.oscp.session.time import SessionTime
from depot_sim.application.runtime import CommittedRuns
from depot_sim.domain.oscp.events import OscpProviderSessionAttached
from depot_sim.domain.oscp.rules import Context, WindowMeters, metered_window
from depot_sim.domain.oscp.wire.messages import AssetMeasurements, ComplianceError, GroupMeasurements, Message
from depot_sim.domain.run.aggregate import RunStatus
from depot_sim.domain.run.aggregate import stream_of as run_stream
from depot_sim.domain.run.events import ClockMode

_BEFORE_THE_RUN = WindowMeters(0, 0, 0, complete=False)


class WorldContext:
    """Gathers a Context before the rules are asked, because they may not wait for anything."""

    def __init__(self, log: EventLog, runs: CommittedRuns, time: SessionTime, meter: ScopeMeter) -> None:
        self._log = log
        self._runs = runs
        self._time = time
        self._meter = meter

    async def of(self, attached: OscpProviderSessionAttached, message: Message | None) -> Context:
        """`now` is left for the moment of the decision."""
        if isinstance(message, GroupMeasurements | AssetMeasurements):
            return Context(0, await self._meters(attached, message), await self._age_ms(attached.run_id))
        if isinstance(message, ComplianceError):
            return Context(0, breached=await self._breached(attached))
        return Context(0)

    async def _meters(self, attached: OscpProviderSessionAttached, message: Message) -> WindowMeters | None:
        window = metered_window(message)
        if window is None:
            return None
        begin = await self._time.run_moment(attached, window[0])
        end = await self._time.run_moment(attached, window[1])
        if begin is None or end is None or end <= begin:
            return None
        if end <= 0:
            return _BEFORE_THE_RUN
        return await self._meter.window(attached.run_id, attached.managed_scope_id, begin, end)

    async def _age_ms(self, run_id: str) -> int:
        """How long a run that follows wall time has not moved."""
        run = await self._runs.get(run_id)
        if run.started.clock.mode is not ClockMode.REALTIME or run.status is RunStatus.STOPPED:
            return 0
        newest = await asyncio.to_thread(self._log.read_stream, run_stream(run_id), limit=1, newest_first=True)
        return max(0, self._time.wall_ms() - newest[0].recorded_at // 1_000) if newest else 0

    async def _breached(self, attached: OscpProviderSessionAttached) -> dict[str, int] | None:
        """When the scope was last found above each forecast, on the session's clock."""
        run = await self._runs.get(attached.run_id)
        found: dict[str, int] = {}
        for forecast_id, at in run.world.forecast_breaches(attached.managed_scope_id):
            found[forecast_id] = await self._time.session_instant(attached, at)
        return found
