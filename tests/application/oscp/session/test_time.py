"""A session's clock: the wall's, or its run's."""

from __future__ import annotations

import pytest

from depot_sim.application.run.requests import ClockRequest
from depot_sim.domain.kernel.quantities import Duration
from depot_sim.domain.oscp.events import OscpProviderSessionAttached
from depot_sim.domain.oscp.vocabulary import SessionClock
from depot_sim.domain.run.events import ClockMode
from tests.application.oscp.conftest import Start
from tests.application.oscp.processes import OscpProcess, WallClock
from tests.application.run.processes import ALICE, MINUTE

pytestmark = pytest.mark.anyio

START = "2026-03-02T12:00:00+10:00"
START_MS = 1_772_416_800_000


async def attached(process: OscpProcess, clock: SessionClock, speed: str | None = None) -> OscpProviderSessionAttached:
    mode = ClockRequest(ClockMode.MANUAL) if speed is None else ClockRequest(ClockMode.REALTIME, speed)
    await process.start(start_time=START, clock=mode, tick=Duration(MINUTE))
    return process.session(await process.attach(clock=clock)).attached


async def test_on_the_runs_clock_a_moment_is_the_runs_logical_time(process: OscpProcess, clock: WallClock) -> None:
    of_run = await attached(process, SessionClock.RUN)
    await process.runs.tick("r", 2, ALICE)
    moment = await process.time.moment(of_run)
    assert moment == (START_MS + 2 * MINUTE, clock.wall_ms, START_MS + 2 * MINUTE)
    assert await process.time.session_instant(of_run, 5) == START_MS + 5
    assert await process.time.run_moment(of_run, START_MS + 7) == 7


async def test_on_the_walls_clock_a_moment_is_wall_time_and_tells_the_runs_beside(
    process: OscpProcess, clock: WallClock
) -> None:
    of_wall = await attached(process, SessionClock.WALL)
    clock.advance(3_000_000)
    assert await process.time.moment(of_wall) == (clock.wall_ms, clock.wall_ms, START_MS)


async def test_the_moment_of_a_run_that_is_held_elsewhere_is_the_one_in_the_log(
    processes: Start, clock: WallClock
) -> None:
    here, there = processes("here"), processes("there")
    of_run = await attached(here, SessionClock.RUN)
    await here.runs.tick("r", 3, ALICE)
    assert there.time.moment_if_held(of_run) is None
    assert (await there.time.moment(of_run)).target == START_MS + 3 * MINUTE


async def test_a_run_in_real_time_and_its_session_on_the_wall_translate_by_its_speed(
    process: OscpProcess, clock: WallClock
) -> None:
    of_wall = await attached(process, SessionClock.WALL, speed="60")
    assert await process.time.run_moment(of_wall, clock.wall_ms + 1_000) == MINUTE
    assert await process.time.session_instant(of_wall, MINUTE) == clock.wall_ms + 1_000


async def test_a_run_that_is_moved_by_hand_has_no_moment_on_the_wall(process: OscpProcess, clock: WallClock) -> None:
    of_wall = await attached(process, SessionClock.WALL)
    assert await process.time.run_moment(of_wall, clock.wall_ms) is None


async def test_on_the_runs_clock_a_tick_that_is_not_in_the_log_has_not_come(process: OscpProcess) -> None:
    of_run = await attached(process, SessionClock.RUN)
    process.journal.open.clear()
    process.journal.asked.clear()
    ticking = process.run_in_background(process.runs.tick("r", 1, ALICE))
    await process.journal.asked.wait()
    assert (await process.time.moment(of_run)).target == START_MS
    process.journal.open.set()
    await ticking
    assert (await process.time.moment(of_run)).target == START_MS + MINUTE
