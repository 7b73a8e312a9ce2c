"""Commands on runs that follow wall time are decided at the present, and runs can start at it or before."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from depot_sim.application.run.requests import ClockRequest
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.kernel.quantities import Duration, Share
from depot_sim.domain.run.aggregate import RunStatus
from depot_sim.domain.run.commands import FaultCharger, SetTarget
from depot_sim.domain.run.events import ClockMode, ResumeReason, RunTicked, VehicleTargetSet
from tests.application.run.conftest import Start
from tests.application.run.processes import ALICE, MINUTE, FakeClock, Process, until

pytestmark = pytest.mark.anyio

REALTIME = ClockRequest(ClockMode.REALTIME)
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAULT = FaultCharger("charger-1", code="Jammed")


def target(share: int) -> SetTarget:
    return SetTarget("bus-1", Share.parse(f"{share} %"))


def ticks(process: Process) -> list[int]:
    """When each of the run's ticks ended."""
    return [event.at for event in process.events() if isinstance(event, RunTicked)]


async def asleep(process: Process) -> None:
    await until(lambda: process.clock.sleepers == 1)


async def start(process: Process, clock: ClockRequest = REALTIME, **changes: Any) -> None:
    await process.start(clock=clock, **changes)
    await asleep(process)


async def at_rest_at(process: Process, at: int) -> None:
    await until(lambda: ticks(process)[-1:] == [at])
    await asleep(process)


# Nothing in the past


async def test_a_command_is_decided_at_the_present_and_not_at_the_last_tick(process: Process, clock: FakeClock) -> None:
    await start(process)
    clock.advance(90 * SECOND_US)
    outcome = await process.runs.command("r", FAULT, ALICE)
    assert outcome.at == 90_000
    assert ticks(process) == [MINUTE, 90_000]
    clock.advance(30 * SECOND_US)
    await at_rest_at(process, 2 * MINUTE)


async def test_the_present_of_a_faster_run_is_further_on(process: Process, clock: FakeClock) -> None:
    await start(process, ClockRequest(ClockMode.REALTIME, "4"))
    clock.advance(20 * SECOND_US)
    assert (await process.runs.command("r", FAULT, ALICE)).at == 80_000


async def test_commands_that_wait_share_one_short_tick(process: Process, clock: FakeClock) -> None:
    await start(process)
    clock.advance(30 * SECOND_US)
    outcomes = await asyncio.gather(*(process.runs.command("r", target(share), ALICE) for share in (60, 70, 80)))
    assert [outcome.at for outcome in outcomes] == [30_000] * 3
    assert ticks(process) == [30_000]
    assert sum(isinstance(event, VehicleTargetSet) for event in process.events()) == 3


async def test_a_command_on_a_run_moved_by_hand_does_not_move_it(process: Process, clock: FakeClock) -> None:
    await process.start()
    clock.advance(30 * SECOND_US)
    assert (await process.runs.command("r", FAULT, ALICE)).at == 0
    assert ticks(process) == []


async def test_a_pause_counts_the_time_until_it_and_none_after(process: Process, clock: FakeClock) -> None:
    await start(process)
    clock.advance(30 * SECOND_US)
    assert (await process.runs.pause("r", ALICE)).at == 30_000
    clock.advance(10 * MINUTE_US)
    assert (await process.runs.command("r", FAULT, ALICE)).at == 30_000
    clock.advance(7 * SECOND_US)
    assert (await process.runs.resume("r", ALICE)).at == 30_000
    clock.advance(5 * SECOND_US)
    assert (await process.runs.command("r", target(70), ALICE)).at == 35_000


async def test_a_refused_command_leaves_the_run_at_the_present(process: Process, clock: FakeClock) -> None:
    await start(process)
    await process.runs.command("r", FAULT, ALICE)
    clock.advance(30 * SECOND_US)
    with pytest.raises(Exception, match="has a fault already"):
        await process.runs.command("r", FAULT, ALICE)
    assert ticks(process) == [30_000]


# Starts at the present


async def test_a_run_that_starts_now_has_wall_time_as_its_time(process: Process, clock: FakeClock) -> None:
    clock.advance(59 * MINUTE_US)
    await start(process, start_time="now")
    clock.advance(10 * MINUTE_US)
    outcome = await process.runs.command("r", FAULT, ALICE)
    assert EPOCH + timedelta(microseconds=clock.now_us()) == datetime.fromisoformat(outcome.time)


async def test_a_run_that_starts_before_now_catches_up_and_then_follows(process: Process, clock: FakeClock) -> None:
    clock.advance(60 * MINUTE_US)
    await process.start(clock=REALTIME, tick=Duration(1_000), start_time="now - 20 min")
    await until(lambda: len(ticks(process)) == 20 * 60)
    await asleep(process)
    clock.advance(3 * SECOND_US)
    await at_rest_at(process, 20 * MINUTE + 3_000)
    assert (await process.runs.command("r", FAULT, ALICE)).at == 20 * MINUTE + 3_000


async def test_a_start_before_now_falls_on_a_whole_tick_of_wall_time(process: Process, clock: FakeClock) -> None:
    clock.advance(MINUTE_US + 1_234_567)
    outcome = await process.start(clock=REALTIME, start_time="now-30 s")
    assert outcome.time == "1970-01-01T00:00:00.000+00:00"


async def test_a_run_on_wall_time_makes_up_for_a_pause_and_for_a_restart(processes: Start) -> None:
    here = processes("here")
    await start(here, start_time="now")
    began_us = here.clock.now_us()
    assert (await here.runs.pause("r", ALICE)).status is RunStatus.PAUSED
    here.clock.advance(30 * MINUTE_US)
    await here.runs.resume("r", ALICE)
    here.forget()
    there = processes("there")
    await there.host.adopt("r", ResumeReason.TAKEOVER)
    outcome = await there.runs.command("r", FAULT, ALICE)
    begun = EPOCH + timedelta(microseconds=began_us) + timedelta(minutes=30)
    assert datetime.fromisoformat(outcome.time) >= begun


@pytest.mark.parametrize("start_time", ["now + 20 min", "now+1 s", "now - 20", "now - -1 min", "nowadays"])
async def test_a_run_cannot_start_in_the_future_or_at_a_time_that_cannot_be_read(
    process: Process, start_time: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await process.start(clock=REALTIME, start_time=start_time)
    [fault] = refused.value.faults
    assert fault.pointer == "/start_time"
    assert "now - 20 min" in fault.expected
    assert process.version() == 0


async def test_a_run_on_wall_time_has_no_other_clock_beside_it(process: Process) -> None:
    with pytest.raises(InvalidInput) as refused:
        await process.start(clock=ClockRequest(ClockMode.MANUAL, "2"), start_time="now")
    assert [fault.pointer for fault in refused.value.faults] == ["/clock/mode", "/clock/speed"]


async def test_a_run_starts_at_most_a_week_before_now(process: Process) -> None:
    with pytest.raises(InvalidInput) as refused:
        await process.start(clock=REALTIME, start_time="now - 169 h")
    assert [(fault.pointer, fault.expected) for fault in refused.value.faults] == [
        ("/start_time", "at most 168 h before now")
    ]
