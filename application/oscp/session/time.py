"""A session's clock: the wall's, or the logical time of its run."""

from __future__ import annotations

from depot_sim.application.clock import Clock
from depot_sim.application.runtime import CommittedRuns, HeldRuns
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.oscp.events import OscpProviderSessionAttached
from depot_sim.domain.oscp.vocabulary import SessionClock
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.events import ClockMode

_PPM = 1_000_000


class SessionTime:
    """Instants are ms since 1970 UTC."""

    def __init__(self, clock: Clock, host: HeldRuns, runs: CommittedRuns) -> None:
        self._clock = clock
        self._host = host
        self._runs = runs

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
        run = (await self._runs.get(attached.run_id)).now
        return Moment(run, wall, run)

    def moment_if_held(self, attached: OscpProviderSessionAttached) -> Moment | None:
        """The same, when this process holds the run."""
        held = self._host.held(attached.run_id)
        if held is None:
            return None
        wall, run = self.wall_ms(), held.run.started_at + held.saved_at
        return Moment(run if attached.clock is SessionClock.RUN else wall, wall, run)

    async def session_instant(self, attached: OscpProviderSessionAttached, at: int) -> int:
        """The instant of the session at a moment of its run (ms since its start)."""
        run = await self._run(attached.run_id)
        if attached.clock is SessionClock.RUN or run.started.clock.on_wall_time:
            return run.started_at + at
        return self.wall_ms() - (run.world.at - at) * _PPM // run.started.clock.speed_ppm

    async def run_moment(self, attached: OscpProviderSessionAttached, instant: int) -> int | None:
        """The run's logical ms at an instant of the session; None when the run does not follow the session's clock."""
        run = await self._run(attached.run_id)
        if attached.clock is SessionClock.RUN or run.started.clock.on_wall_time:
            return instant - run.started_at
        if run.started.clock.mode is not ClockMode.REALTIME:
            return None
        return run.world.at + (instant - self.wall_ms()) * run.started.clock.speed_ppm // _PPM

    async def _run(self, run_id: str) -> SimulationRun:
        held = self._host.held(run_id)
        return held.run if held is not None else await self._runs.get(run_id)
