"""A session's clock: the wall's, or the logical time of its run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from depot_sim.application.clock import Clock
from depot_sim.application.run.host import RunHost
from depot_sim.application.run.live import LiveRuns
from depot_sim.application.run.requests import parse_start
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.oscp.events import OscpProviderSessionAttached
from depot_sim.domain.oscp.vocabulary import SessionClock
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.events import ClockMode

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_PPM = 1_000_000


class SessionTime:
    """Instants are ms since 1970 UTC."""

    def __init__(self, clock: Clock, host: RunHost, live: LiveRuns) -> None:
        self._clock = clock
        self._host = host
        self._live = live
        self._starts: dict[str, int] = {}

    def wall_ms(self) -> int:
        return self._clock.now_us() // 1_000

    async def moment(self, attached: OscpProviderSessionAttached) -> Moment:
        """The present moment of a session, on every clock: what its run has come to in the log, not what it is at.

        Raises NotFound when its run is gone.

        A run that is held elsewhere is looked up only where the session lives by its clock; else it stays at 0.
        """
        held = self.moment_if_held(attached)
        if held is not None:
            return held
        wall = self.wall_ms()
        if attached.clock is SessionClock.WALL:
            return Moment(wall, wall, 0)
        live = await self._live.get(attached.run_id)
        run = self._start(live) + live.world.at
        return Moment(run, wall, run)

    def moment_if_held(self, attached: OscpProviderSessionAttached) -> Moment | None:
        """The same, when this process holds the run."""
        held = self._host.held(attached.run_id)
        if held is None:
            return None
        wall, run = self.wall_ms(), self._start(held.run) + held.saved_at
        return Moment(run if attached.clock is SessionClock.RUN else wall, wall, run)

    async def session_instant(self, attached: OscpProviderSessionAttached, at: int) -> int:
        """The instant of the session at a moment of its run (ms since its start)."""
        run = await self._run(attached.run_id)
        if attached.clock is SessionClock.RUN:
            return self._start(run) + at
        return self.wall_ms() - (run.world.at - at) * _PPM // run.started.clock.speed_ppm

    async def run_moment(self, attached: OscpProviderSessionAttached, instant: int) -> int | None:
        """The run's logical ms at an instant of the session; None when the run does not follow the session's clock."""
        run = await self._run(attached.run_id)
        if attached.clock is SessionClock.RUN:
            return instant - self._start(run)
        if run.started.clock.mode is not ClockMode.REALTIME:
            return None
        return run.world.at + (instant - self.wall_ms()) * run.started.clock.speed_ppm // _PPM

    async def _run(self, run_id: str) -> SimulationRun:
        held = self._host.held(run_id)
        return held.run if held is not None else await self._live.get(run_id)

    def _start(self, run: SimulationRun) -> int:
        start = self._starts.get(run.run_id)
        if start is None:
            start = self._starts[run.run_id] = (parse_start(run.started.start_time) - _EPOCH) // _MS
        return start
