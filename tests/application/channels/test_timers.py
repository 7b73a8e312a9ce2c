"""Timers ring when a moment has come, on the wall's clock or a run's, and nothing is looked at in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from depot_sim.application.channels.timers import AGAIN_US, ChannelTimers, Timers
from depot_sim.domain.interaction.expectation_events import Clock, Expectation, Moment, Step, Verdict
from depot_sim.domain.kernel.errors import StoreError
from tests.application.channels.toy import ToyChannel, ToyStore, count
from tests.application.run.processes import ALICE, MINUTE, FakeClock, Process

pytestmark = pytest.mark.anyio

ONE = "r/one"
SECOND_US = 1_000_000


class Served:
    """The channels of a store, settled when their timers ring."""

    def __init__(self, process: Process, toys: ToyStore) -> None:
        self.toys = toys
        self.rung: list[str] = []
        self.is_serving = True
        self.timers = ChannelTimers(
            process.timers,
            process.host,
            toys,
            moment=self._moment,
            deadlines=ToyChannel.deadlines,
            ring=self.rung.append,
        )

    def _moment(self, channel: ToyChannel) -> Moment | None:
        return self.toys.present(channel) if self.is_serving else None

    async def expect(self, within_ms: int, clock: Clock) -> str:
        """The id of an expectation of any message."""

        def expect(channel: ToyChannel, moment: Moment) -> str:
            return channel.expectations.raise_(Expectation((Step(),), moment.on(clock) + within_ms, clock), moment)

        return await self.toys.decide(ONE, expect)


@pytest.fixture
async def served(process: Process, toys: ToyStore) -> Served:
    return Served(process, toys)


async def turns() -> None:
    """Let everything happen that needs no time and no thread."""
    for _ in range(10):
        await asyncio.sleep(0)


# The timers of the process


async def test_callbacks_come_at_their_moment_in_order(clock: FakeClock) -> None:
    timers, called = Timers(clock), list[str]()
    for name, delay_us in (("late", 300), ("early", 100), ("middle", 200)):
        timers.set(name, delay_us, _note(called, name))
    clock.advance(99)
    assert called == []
    clock.advance(1)
    assert called == ["early"]
    clock.advance(500)
    assert called == ["early", "middle", "late"]


async def test_a_callback_that_fails_keeps_no_other_from_coming(clock: FakeClock) -> None:
    timers, called = Timers(clock), list[str]()

    def fail() -> None:
        raise RuntimeError("a defect")

    timers.set("failing", 100, fail)
    timers.set("other", 100, _note(called, "other"))
    timers.set("later", 200, _note(called, "later"))
    clock.advance(100)
    clock.advance(100)
    assert called == ["other", "later"]


async def test_a_timer_may_be_set_while_another_rings(clock: FakeClock) -> None:
    timers, called = Timers(clock), list[str]()
    timers.set("first", 100, lambda: timers.set("second", 100, _note(called, "second")))
    clock.advance(100)
    clock.advance(100)
    assert called == ["second"]


async def test_what_is_cancelled_or_closed_does_not_ring(clock: FakeClock) -> None:
    timers, called = Timers(clock), list[str]()
    timers.set("cancelled", 100, _note(called, "cancelled"))
    timers.set("other", 200, _note(called, "other"))
    timers.cancel("cancelled")
    clock.advance(100)
    timers.close()
    timers.set("new", 50, _note(called, "new"))
    clock.advance(1_000)
    assert called == []


def _note(called: list[str], name: str) -> Callable[[], None]:
    return lambda: called.append(name)


class SetClock(FakeClock):
    """Its wall time can be set, as people and NTP do; its monotonic time goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.set_by_us = 0

    def now_us(self) -> int:
        return super().now_us() + self.set_by_us


@pytest.mark.parametrize("hours", [1, -1])
async def test_all_timers_ring_soon_after_the_walls_clock_was_set(hours: int) -> None:
    clock, called = SetClock(), list[str]()
    timers = Timers(clock)
    timers.set("far", 7_200 * SECOND_US, _note(called, "far"))
    clock.advance(SECOND_US)
    assert called == []
    clock.set_by_us = hours * 3_600 * SECOND_US
    clock.advance(SECOND_US)
    assert called == ["far"]


# Channels


async def test_a_deadline_on_the_walls_clock_rings_when_it_has_come(served: Served, clock: FakeClock) -> None:
    await served.expect(1_000, Clock.WALL)
    await turns()
    clock.advance(SECOND_US - 1_000)
    assert served.rung == []
    clock.advance(1_000)
    assert served.rung == [ONE]


async def test_a_deadline_on_the_runs_clock_rings_when_the_run_is_saved(
    served: Served, process: Process, clock: FakeClock
) -> None:
    await served.expect(2 * MINUTE, Clock.RUN)
    await turns()
    clock.advance(3_600 * SECOND_US)
    assert served.rung == [], "wall time does not count"
    await process.runs.tick("r", 1, ALICE)
    assert served.rung == []
    await process.runs.tick("r", 1, ALICE)
    assert served.rung == [ONE]


async def test_a_channel_without_deadlines_costs_nothing(served: Served, clock: FakeClock) -> None:
    await served.toys.decide(ONE, count(1))
    await turns()
    clock.advance(SECOND_US)
    assert (clock.alarms, clock.sleepers) == (0, 0)


async def test_a_deadline_that_is_gone_does_not_ring(served: Served, clock: FakeClock) -> None:
    expectation_id = await served.expect(1_000, Clock.WALL)
    await turns()
    await served.toys.decide(
        ONE, lambda channel, moment: channel.expectations.retire(expectation_id, "called off", moment)
    )
    await turns()
    clock.advance(SECOND_US)
    assert served.rung == []


async def test_what_could_not_be_settled_rings_again_after_a_while(
    served: Served, process: Process, clock: FakeClock
) -> None:
    expectation_id = await served.expect(1_000, Clock.WALL)
    await turns()
    clock.advance(SECOND_US)
    process.journal.outcomes = [StoreError("the disk is full")]
    with pytest.raises(StoreError):
        await served.toys.decide(ONE, ToyChannel.settle)
    served.timers.again(ONE)
    clock.advance(AGAIN_US)
    assert served.rung == [ONE, ONE], "the channel was dropped, and rings all the same"
    await served.toys.decide(ONE, ToyChannel.settle)
    standing = (await served.toys.get(ONE)).expectations.find(expectation_id)
    assert standing is not None
    assert standing.verdict is Verdict.MISSED


async def test_what_was_tried_and_is_still_due_does_not_turn_round_and_round(served: Served, clock: FakeClock) -> None:
    await served.expect(1_000, Clock.WALL)
    await turns()
    clock.advance(SECOND_US)
    served.timers.look(ONE, was_tried=True)
    await turns()
    assert served.rung == [ONE]
    clock.advance(AGAIN_US)
    assert served.rung == [ONE, ONE]


async def test_channels_that_are_looked_after_elsewhere_do_not_ring(
    served: Served, process: Process, clock: FakeClock
) -> None:
    await served.expect(1_000, Clock.WALL)
    await served.expect(MINUTE, Clock.RUN)
    await turns()
    served.is_serving = False
    clock.advance(SECOND_US)
    await process.runs.tick("r", 1, ALICE)
    assert served.rung == []


async def test_a_save_of_a_run_that_was_left_rings_for_none_of_its_channels(served: Served, process: Process) -> None:
    await served.expect(MINUTE, Clock.RUN)
    await turns()
    served.timers.leave("r")
    await process.runs.tick("r", 1, ALICE)
    assert served.rung == []
