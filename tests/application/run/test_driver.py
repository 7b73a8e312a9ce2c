"""Realtime runs by a clock that moves when it is told to."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.application.run.pace import Pace
from depot_sim.application.run.requests import ClockRequest
from depot_sim.domain.kernel.errors import StoreError
from depot_sim.domain.kernel.quantities import Duration
from depot_sim.domain.run.events import ClockMode, ResumeReason, RunTicked
from tests.application.run.conftest import Start
from tests.application.run.processes import ALICE, FakeClock, Process, until

pytestmark = pytest.mark.anyio

SECOND_US = 1_000_000


async def started(process: Process, speed: str = "1", tick_ms: int = 1_000) -> None:
    await process.start(clock=ClockRequest(ClockMode.REALTIME, speed), tick=Duration(tick_ms))
    await asleep(process)


async def asleep(process: Process) -> None:
    await until(lambda: process.clock.sleepers == 1)


async def ticked(process: Process, count: int) -> None:
    await until(lambda: ticks(process) == count)
    await asleep(process)


def ticks(process: Process) -> int:
    return sum(isinstance(event, RunTicked) for event in process.events())


async def test_a_tick_comes_when_its_moment_has_come_and_not_before(process: Process, clock: FakeClock) -> None:
    await started(process)
    clock.advance(SECOND_US - 1)
    assert ticks(process) == 0
    for number in (1, 2, 3):
        clock.advance(SECOND_US)
        await ticked(process, number)


@pytest.mark.parametrize(("speed", "ticks_a_second"), [("1", 1), ("60", 60), ("2.5", 2)])
async def test_speed_makes_logical_time_pass_faster(
    process: Process, clock: FakeClock, speed: str, ticks_a_second: int
) -> None:
    await started(process, speed)
    clock.advance(SECOND_US)
    await until(lambda: ticks(process) == ticks_a_second)
    await asleep(process)
    assert ticks(process) == ticks_a_second


async def test_half_speed_takes_twice_as_long(process: Process, clock: FakeClock) -> None:
    await started(process, "0.5")
    for _ in range(2):
        assert ticks(process) == 0
        await asleep(process)
        clock.advance(SECOND_US)
    await until(lambda: ticks(process) == 1)


async def test_ticks_that_were_missed_are_caught_up_with(process: Process, clock: FakeClock) -> None:
    await started(process)
    clock.advance(30 * SECOND_US)
    await until(lambda: ticks(process) == 30)


async def test_a_run_too_far_behind_goes_on_from_where_it_is_and_says_so_once(
    process: Process, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        await started(process)
        for done in (100, 200):
            clock.advance(1_000 * SECOND_US if done == 100 else 1)
            await until(lambda: ticks(process) >= 100)
            await asleep(process)
            assert ticks(process) == 100
    assert [record.message for record in caplog.records] == ["run is slower than its clock"]


async def test_a_paused_run_stands_still_and_misses_nothing_when_it_goes_on(process: Process, clock: FakeClock) -> None:
    await started(process)
    await process.runs.pause("r", ALICE)
    clock.advance(50 * SECOND_US)
    await asleep(process)
    assert ticks(process) == 0

    await process.runs.resume("r", ALICE)
    clock.advance(2 * SECOND_US)
    await until(lambda: ticks(process) == 2)


async def test_the_driver_ends_with_its_run(process: Process) -> None:
    await started(process)
    held = process.host.held("r")
    assert held is not None
    await process.runs.stop("r", ALICE)
    driver = held.driver
    assert driver is not None
    await until(driver.done)


async def test_a_manual_run_has_no_driver(process: Process) -> None:
    await process.start()
    held = process.host.held("r")
    assert held is not None
    assert held.driver is None


async def test_a_run_whose_append_failed_is_taken_up_again_and_driven_on(process: Process, clock: FakeClock) -> None:
    await started(process)
    process.journal.outcomes = [StoreError("the disk is full")]
    clock.advance(SECOND_US)
    await until(lambda: process.host.held("r") is None)
    assert ticks(process) == 0

    clock.advance(SECOND_US)
    assert await process.host.adopt_unheld(ResumeReason.TAKEOVER) == ["r"]
    await asleep(process)
    clock.advance(SECOND_US)
    await until(lambda: ticks(process) == 1)


async def test_a_run_whose_tick_fails_by_a_defect_is_dropped_and_left_alone_for_a_while(
    process: Process, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await started(process)

    def defect(*_: Any) -> None:
        raise AssertionError("this should not happen")

    monkeypatch.setattr("depot_sim.domain.run.aggregate.SimulationRun.tick", defect)
    clock.advance(SECOND_US)
    await until(lambda: process.host.held("r") is None)
    monkeypatch.undo()
    assert await process.host.adopt_unheld(ResumeReason.TAKEOVER) == []
    clock.advance(SECOND_US)
    assert await process.host.adopt_unheld(ResumeReason.TAKEOVER) == ["r"]


async def test_a_process_that_stood_still_drives_no_run_that_is_not_its_own_any_more(
    processes: Start, clock: FakeClock
) -> None:
    here, there = processes("here"), processes("there")
    await started(here)
    here.lose_lease(to="there")
    clock.advance(SECOND_US)
    await until(lambda: here.host.held("r") is None)
    assert ticks(here) == 0
    await there.host.adopt("r", ResumeReason.TAKEOVER)
    await until(lambda: clock.sleepers == 1)
    clock.advance(SECOND_US)
    await until(lambda: ticks(there) == 1)


class _World:
    at = 0


class _Run:
    """As much of a run as Pace looks at."""

    def __init__(self, tick_ms: int, speed_ppm: int) -> None:
        self.world = _World()
        self.started = self
        self.clock = self
        self.tick_ms = tick_ms
        self.speed_ppm = speed_ppm
        self.on_wall_time = False


@given(
    tick_ms=st.integers(1, 3_600_000),
    speed_ppm=st.integers(1, 100_000_000_000),
    steps=st.lists(st.integers(0, 3_600_000_000), max_size=20),
)
def test_a_run_is_never_ahead_of_its_clock_and_never_a_whole_tick_behind(
    tick_ms: int, speed_ppm: int, steps: list[int]
) -> None:
    run: Any = _Run(tick_ms, speed_ppm)
    clock = FakeClock()
    pace, begun = Pace(run, clock), clock.monotonic_us()
    for step in steps:
        clock.advance(step)
        run.world.at = max(run.world.at, pace.last_whole_tick())
        target_ms = (clock.monotonic_us() - begun) * speed_ppm // 1_000_000_000
        assert target_ms - tick_ms < run.world.at <= target_ms == pace.present()
        assert pace.until_next_tick_us() >= 0
