"""A long advance gives way between two slices, so that it can be paused, stopped and cancelled."""

from __future__ import annotations

import asyncio

import pytest

from depot_sim.application.run.advancing import Manner
from depot_sim.application.run.outcome import Outcome
from depot_sim.domain.kernel.errors import CommandRefused, Conflict, InvalidInput
from depot_sim.domain.kernel.quantities import Duration
from depot_sim.domain.run.aggregate import RunStatus
from tests.application.run.conftest import Start
from tests.application.run.processes import ALICE, MINUTE, Process, until

pytestmark = pytest.mark.anyio

YEAR = 365 * 24 * 60 * MINUTE
A_YEAR = "+8760 h"
DETACHED = Manner(detach=True)


async def advancing(process: Process) -> asyncio.Task[Outcome]:
    """An advance of a year that has begun."""
    task = asyncio.create_task(process.runs.advance_to("r", A_YEAR, ALICE))
    before = process.version()
    await until(lambda: process.version() > before + 500)
    return task


def saved_at(process: Process) -> int:
    held = process.host.held("r")
    assert held is not None
    return held.saved_at


async def test_an_advance_of_a_year_is_cancelled_where_it_is(process: Process) -> None:
    await process.start()
    task = await advancing(process)
    assert process.runs.advances.target("r") == YEAR
    outcome = await process.runs.cancel_advance("r")
    with pytest.raises(CommandRefused, match="cancelled"):
        await task
    assert 0 < outcome.at < YEAR
    assert process.runs.advances.target("r") is None
    after = await process.runs.tick("r", 1, ALICE)
    assert outcome.at < after.at < YEAR


async def test_a_pause_takes_effect_between_two_slices(process: Process) -> None:
    await process.start()
    task = await advancing(process)
    paused = await process.runs.pause("r", ALICE)
    with pytest.raises(CommandRefused, match="paused"):
        await task
    assert (paused.status, saved_at(process)) == (RunStatus.PAUSED, paused.at)


async def test_a_stop_takes_effect_between_two_slices(process: Process) -> None:
    await process.start()
    task = await advancing(process)
    stopped = await process.runs.stop("r", ALICE)
    with pytest.raises(CommandRefused, match="stopped"):
        await task
    assert 0 < stopped.at < YEAR


async def test_an_advance_whose_caller_leaves_ends_and_the_same_key_goes_on_to_the_same_target(
    process: Process,
) -> None:
    await process.start()
    task = asyncio.create_task(process.runs.tick("r", 5_000, ALICE, "key"))
    await until(lambda: process.version() > 500)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    left_at = saved_at(process)
    assert 0 < left_at < 5_000 * MINUTE
    outcome = await process.runs.tick("r", 5_000, ALICE, "key")
    assert outcome.at == 5_000 * MINUTE
    assert await process.runs.tick("r", 5_000, ALICE, "key") == outcome
    assert saved_at(process) == 5_000 * MINUTE


async def test_a_key_never_moves_a_run_beyond_its_target_though_another_advance_did(process: Process) -> None:
    await process.start()
    task = asyncio.create_task(process.runs.tick("r", 5_000, ALICE, "key"))
    await until(lambda: process.version() > 500)
    task.cancel()
    await asyncio.wait((task,))
    far = await process.runs.advance_to("r", "+100 h", ALICE)
    outcome = await process.runs.tick("r", 5_000, ALICE, "key")
    assert (far.at, outcome.at) == (6_000 * MINUTE, 6_000 * MINUTE)


async def test_a_detached_advance_is_answered_at_once_and_goes_on(process: Process) -> None:
    await process.start()
    begun = await process.runs.tick("r", 2_000, ALICE, "key", DETACHED)
    assert begun.at < 2_000 * MINUTE
    assert begun.advancing_to is not None
    done = await process.runs.tick("r", 2_000, ALICE, "key")
    assert (done.at, done.advancing_to) == (2_000 * MINUTE, None)


async def test_two_clients_that_advance_one_run_each_get_their_ticks(process: Process) -> None:
    await process.start()
    first = asyncio.create_task(process.runs.tick("r", 1_000, ALICE))
    await until(lambda: process.version() > 300)
    second = asyncio.create_task(process.runs.tick("r", 500, ALICE))
    assert (await first).at == 1_000 * MINUTE
    assert (await second).at == 1_500 * MINUTE


async def test_there_is_nothing_to_cancel_when_nobody_advances_the_run(process: Process) -> None:
    await process.start()
    with pytest.raises(Conflict):
        await process.runs.cancel_advance("r")


async def test_a_process_that_stops_ends_its_advances_and_another_one_goes_on(processes: Start) -> None:
    one, two = processes("one"), processes("two")
    await one.start()
    await one.runs.tick("r", 5_000, ALICE, "key", DETACHED)
    await one.runs.advances.stop()
    await one.host.release_all()
    assert (await two.runs.tick("r", 5_000, ALICE, "key")).at == 5_000 * MINUTE


async def test_a_settle_time_out_of_range_is_refused(process: Process) -> None:
    await process.start()
    with pytest.raises(InvalidInput) as refused:
        await process.runs.tick("r", 1, ALICE, manner=Manner(Duration(600_001)))
    assert [fault.pointer for fault in refused.value.faults] == ["/settle"]
