"""What people and programs see of a run itself; what is in its world is in views.py."""

from __future__ import annotations

import msgspec

from depot_sim.application.run.requests import time_at
from depot_sim.domain.run.aggregate import RunStatus, SimulationRun
from depot_sim.domain.run.events import ClockMode


class RunView(msgspec.Struct, frozen=True):
    """A run at its newest event. `time` and `at` (ms since the start) are logical; `version` counts its events.

    `speed_ppm` is logical time per wall time, 1,000,000 for real time. `holder` is the process that runs it, null for
    none; while that one advances it by hand, `advancing_to` is where to. `state_sha256` is that of the world at the
    end, null until the run is stopped.
    """

    id: str
    status: RunStatus
    configuration_id: str
    configuration_version: int
    name: str
    seed: int
    start_time: str
    time: str
    at: int
    ticks: int
    tick_ms: int
    clock: ClockMode
    speed_ppm: int
    disturbances: str
    version: int
    peak_w: int
    breaches: int
    late_departures: int
    holder: str | None
    advancing_to: str | None
    state_sha256: str | None


def view_run(run: SimulationRun, advancing_to: int | None = None) -> RunView:
    started, world = run.started, run.world
    return RunView(
        id=run.run_id,
        status=run.status,
        configuration_id=started.configuration_id,
        configuration_version=started.configuration_version,
        name=run.depot.document.name,
        seed=started.seed,
        start_time=started.start_time,
        time=time_at(started.start_time, world.at),
        at=world.at,
        ticks=world.tick,
        tick_ms=started.tick_ms,
        clock=started.clock.mode,
        speed_ppm=started.clock.speed_ppm,
        disturbances=started.disturbances,
        version=run.version,
        peak_w=world.peak_w,
        breaches=world.breaches,
        late_departures=world.late_departures,
        holder=None if run.status is RunStatus.STOPPED else run.state.lease_owner or None,
        advancing_to=None if advancing_to is None else time_at(started.start_time, advancing_to),
        state_sha256=run.state.stopped_sha256 or None,
    )
