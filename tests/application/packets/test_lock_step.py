"""A run that is moved waits at each of its instants for what its feeds have under way."""

from __future__ import annotations

import asyncio

import pytest

from depot_sim.application.channels.control import ChannelControl
from depot_sim.application.http import HttpResult
from depot_sim.application.run.advancing import Manner
from depot_sim.application.run.requests import ClockRequest
from depot_sim.domain.kernel.quantities import Duration
from depot_sim.domain.packets.feed import stream_of
from depot_sim.domain.packets.named_faults import PACKETS
from depot_sim.domain.run.events import ClockMode
from tests.application.packets.processes import BINDING, PacketProcess
from tests.application.run.processes import ALICE, MINUTE, FakeClock, pass_time_until_done

pytestmark = pytest.mark.anyio

IN_STEP = ClockRequest(ClockMode.MANUAL)
FEED = stream_of("r", BINDING)


async def test_every_packet_is_answered_and_recorded_before_the_run_goes_on(process: PacketProcess) -> None:
    await process.start(clock=IN_STEP)
    for count in (1, 5):
        outcome = await process.runs.tick("r", count, ALICE)
        assert process.is_delivered()
        assert process.platform.seqs() == process.published()
        assert (outcome.waits, outcome.give_ups) == (count, 0)


async def test_an_endpoint_that_never_answers_is_told_once_and_holds_up_one_instant(
    process: PacketProcess, clock: FakeClock
) -> None:
    await process.start(clock=IN_STEP)
    process.platform.hold()
    ticking = asyncio.create_task(process.runs.tick("r", 5, ALICE))
    await pass_time_until_done(ticking, clock)
    outcome = await ticking
    assert (outcome.at, outcome.waits, outcome.give_ups, outcome.silent) == (5 * MINUTE, 1, 1, (FEED,))
    again = await process.runs.tick("r", 5, ALICE)
    assert (again.waits, again.give_ups) == (0, 0)
    process.platform.release()
    await process.until(process.is_delivered)
    assert (await process.runs.tick("r", 2, ALICE)).waits == 2


async def test_a_settle_time_of_0_does_not_wait(process: PacketProcess) -> None:
    await process.start(clock=IN_STEP)
    process.platform.hold()
    outcome = await process.runs.tick("r", 5, ALICE, manner=Manner(Duration(0)))
    assert (outcome.at, outcome.waits, outcome.give_ups) == (5 * MINUTE, 0, 0)
    process.platform.release()


async def test_a_packet_between_two_attempts_is_not_waited_for(process: PacketProcess) -> None:
    await process.start(clock=IN_STEP)
    process.platform.answer = HttpResult(503, answer_headers=(("Retry-After", "3600"),))
    assert (await process.runs.tick("r", 5, ALICE)).give_ups == 0
    assert not process.is_delivered()


async def test_what_an_override_holds_back_is_not_waited_for(process: PacketProcess) -> None:
    await process.start(clock=IN_STEP)
    await process.runs.tick("r", 1, ALICE)
    process.platform.received.clear()
    control = ChannelControl(PACKETS, process.feeds, process.supervisor.decide, process.live, process.tail)
    await control.change_overrides("r", BINDING, {"mode": "network_outage"}, ALICE)
    outcome = await process.runs.tick("r", 5, ALICE)
    assert (outcome.waits, outcome.give_ups) == (0, 0)
    assert process.platform.received == []


async def test_a_run_in_step_with_a_speed_stands_still_until_it_is_answered(
    process: PacketProcess, clock: FakeClock
) -> None:
    await process.start(clock=ClockRequest(ClockMode.REALTIME, "60", lock_step=True))
    await process.until(lambda: process.supervisor.peek("r"))
    process.platform.hold()
    await process.until(lambda: process.platform.under_way)
    ticks = process.topics().count("run.ticked.1")
    for _ in range(3):
        clock.advance(1_000_000)
        await asyncio.sleep(0.01)
    assert process.topics().count("run.ticked.1") == ticks
    process.platform.release()
    await process.until(lambda: process.topics().count("run.ticked.1") > ticks + 2)
