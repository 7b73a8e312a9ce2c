"""Runs wait for what they have under way outside, and take the answers in one order, however they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.application.under_way import Settled, UnderWay, Work
from tests.application.run.processes import FakeClock

SETTLE_US = 5_000_000


class Partner:
    """Answers an attempt when told to."""

    def __init__(self, under_way: UnderWay) -> None:
        self.under_way = under_way
        self.applied: list[tuple[str, int]] = []
        self._open: dict[tuple[str, int], asyncio.Event] = {}
        self._sending: list[asyncio.Task[None]] = []

    def send(self, target: str, number: int) -> None:
        self._open[target, number] = asyncio.Event()
        work = self.under_way.work("r", target).begin()
        self._sending.append(asyncio.create_task(self._send(work, number)))

    async def _send(self, work: Work, number: int) -> None:
        with work:
            with work.attempt():
                await self._open[work.target, number].wait()
            work.answered()
            async with work.turn(number):
                self.applied.append((work.target, number))

    async def answer(self, target: str, number: int) -> None:
        self._open[target, number].set()
        await turns()


async def turns() -> None:
    """Let everybody get as far as possible."""
    for _ in range(20):
        await asyncio.sleep(0)


@given(st.permutations([(target, number) for target in ("a", "b", "c") for number in (1, 2, 10)]))
def test_answers_are_applied_by_target_and_number_in_whatever_order_they_arrive(
    arrivals: Sequence[tuple[str, int]],
) -> None:
    async def play() -> None:
        under_way = UnderWay(FakeClock())
        partner = Partner(under_way)
        for message in arrivals:
            partner.send(*message)
        settling = asyncio.create_task(under_way.settle("r", SETTLE_US))
        await turns()
        for message in arrivals:
            assert partner.applied == []
            await partner.answer(*message)
        assert await settling == Settled(waited=True)
        assert partner.applied == sorted(arrivals)

    asyncio.run(play())


async def settled(under_way: UnderWay, clock: FakeClock) -> Settled:
    """What comes of a settle whose time runs out if anybody is waited for."""
    settling = asyncio.create_task(under_way.settle("r", SETTLE_US))
    await turns()
    clock.advance(SETTLE_US)
    return await settling


def test_a_target_that_lets_the_time_run_out_is_told_once_and_waited_for_again_when_it_has_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def play() -> None:
        clock = FakeClock()
        under_way = UnderWay(clock)
        partner = Partner(under_way)
        partner.send("a", 1)
        assert await settled(under_way, clock) == Settled(waited=True, silent=("a",))
        partner.send("a", 2)
        assert await under_way.settle("r", SETTLE_US) == Settled()
        assert [record.args for record in caplog.records] == [("a",)]
        await partner.answer("a", 1)
        assert await settled(under_way, clock) == Settled(waited=True, silent=("a",))
        await partner.answer("a", 2)
        assert partner.applied == [("a", 1), ("a", 2)]

    asyncio.run(play())


def test_what_waits_on_purpose_is_not_waited_for() -> None:
    async def play() -> None:
        under_way = UnderWay(FakeClock())
        under_way.work("r", "a").begin().end()
        assert await under_way.settle("r", SETTLE_US) == Settled()

    asyncio.run(play())


def test_answers_that_are_held_back_have_their_effect_when_the_wait_is_cancelled() -> None:
    async def play() -> None:
        under_way = UnderWay(FakeClock())
        partner = Partner(under_way)
        partner.send("a", 1)
        partner.send("b", 1)
        settling = asyncio.create_task(under_way.settle("r", SETTLE_US))
        await turns()
        await partner.answer("b", 1)
        settling.cancel()
        await turns()
        assert partner.applied == [("b", 1)]
        await partner.answer("a", 1)
        assert partner.applied == [("b", 1), ("a", 1)]

    asyncio.run(play())
