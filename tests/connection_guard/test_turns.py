"""That few of many waiting tasks go on, and few of many blocks end, in one iteration of the loop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine

import pytest

from depot_sim.connection_guard.turns import Deadlines, Turns

pytestmark = pytest.mark.anyio

AT_ONCE, MANY = 4, 50


class Iterations:
    """Counts the iterations of the loop, and what happens in each."""

    def __init__(self) -> None:
        self._number = 0
        self.seen: Counter[int] = Counter()
        self.order: list[int] = []

    def note(self, number: int) -> None:
        self.seen[self._number] += 1
        self.order.append(number)

    async def count(self) -> None:
        while True:
            self._number += 1
            await asyncio.sleep(0)


async def test_few_tasks_go_on_in_an_iteration_in_their_order() -> None:
    turns, iterations = Turns(AT_ONCE), Iterations()

    async def waiting(number: int) -> None:
        await turns.wait()
        iterations.note(number)

    await _all_beside(iterations, [waiting(number) for number in range(MANY)])
    assert max(iterations.seen.values()) <= AT_ONCE
    assert iterations.order == list(range(MANY))


async def test_a_cancelled_task_does_not_stop_the_others() -> None:
    turns = Turns(1)
    _, second, third = (asyncio.create_task(turns.wait()) for _ in range(3))
    await asyncio.sleep(0)
    second.cancel()
    await third
    assert second.cancelled()


async def test_few_blocks_end_in_an_iteration() -> None:
    deadlines, iterations = Deadlines(AT_ONCE), Iterations()
    await _all_beside(iterations, [_block(deadlines, iterations, number) for number in range(MANY)])
    assert max(iterations.seen.values()) <= AT_ONCE
    assert iterations.order == list(range(MANY))


async def test_blocks_can_be_ended_earlier() -> None:
    deadlines, iterations = Deadlines(AT_ONCE), Iterations()
    present = asyncio.create_task(_block(deadlines, iterations, 1, seconds=3_600))
    await asyncio.sleep(0)
    deadlines.end_all_in(0.01)
    await present
    assert iterations.order == [1]


async def test_a_block_that_is_added_later_may_end_first() -> None:
    deadlines, iterations = Deadlines(AT_ONCE), Iterations()
    first = asyncio.create_task(_block(deadlines, iterations, 1, seconds=3_600))
    await asyncio.sleep(0)
    await _block(deadlines, iterations, 2)
    assert iterations.order == [2]
    deadlines.end_all_in(0)
    await first


async def test_a_discarded_block_goes_on() -> None:
    deadlines, iterations = Deadlines(AT_ONCE), Iterations()
    async with asyncio.timeout(None) as timeout:
        deadlines.add(timeout, 0.01)
        deadlines.discard(timeout)
        await _block(deadlines, iterations, 1)  # one that was added later has ended
    assert not timeout.expired()


async def _block(deadlines: Deadlines, iterations: Iterations, number: int, seconds: float = 0.01) -> None:
    timeout = asyncio.timeout(None)
    try:
        async with timeout:
            deadlines.add(timeout, seconds)
            await asyncio.Event().wait()
    except TimeoutError:
        iterations.note(number)


async def _all_beside(iterations: Iterations, work: list[Coroutine[None, None, None]]) -> None:
    counting = asyncio.create_task(iterations.count())
    await asyncio.gather(*work)
    counting.cancel()
