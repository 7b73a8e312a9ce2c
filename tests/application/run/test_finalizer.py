"""What is left to do for stopped runs, and by whom."""

from __future__ import annotations

import asyncio

import pytest

from depot_sim.application.event_log import Append, Fence, StreamWrite
from depot_sim.domain.kernel.errors import CommandRefused
from depot_sim.domain.kernel.events import EncodedEvent
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.events import ResumeReason
from tests.application.run.conftest import Start
from tests.application.run.processes import ALICE, Process

pytestmark = pytest.mark.anyio


class Work:
    """An aftermath that tests let end."""

    def __init__(self, process: Process) -> None:
        self.begun: asyncio.Queue[Fence] = asyncio.Queue()
        self.done = asyncio.Event()
        self.failure: Exception | None = None
        process.host.aftermaths.append(self)

    async def __call__(self, run: SimulationRun, fence: Fence) -> None:
        assert run.run_id == fence.run_id
        await self.begun.put(fence)
        await self.done.wait()
        if self.failure is not None:
            raise self.failure


async def ended(process: Process) -> None:
    while "r" in process.host.endings:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0)


def write_under(process: Process, fence: Fence) -> None:
    """Raises LeaseLost unless the fence still holds."""
    version = process.store.log.stream_version("beside")
    process.store.log.append(Append([StreamWrite("beside", version, [EncodedEvent("t", b"{}")])], fence=fence))


async def test_a_stopped_runs_lease_is_kept_until_its_aftermath_is_over(process: Process) -> None:
    work = Work(process)
    await process.start()
    await process.runs.stop("r", ALICE)
    fence = await work.begun.get()
    write_under(process, fence)
    assert process.store.leases.holder("r") == "here"
    with pytest.raises(CommandRefused):
        await process.runs.stop("r", ALICE)
    write_under(process, fence)

    work.done.set()
    await ended(process)
    assert process.store.leases.holder("r") is None
    assert process.store.leases.unheld("elsewhere") == []


async def test_a_stopped_runs_lease_is_kept_until_the_last_aftermath_is_over(process: Process) -> None:
    first, last = Work(process), Work(process)
    await process.start()
    await process.runs.stop("r", ALICE)
    await first.begun.get()
    first.done.set()
    write_under(process, await last.begun.get())

    last.done.set()
    await ended(process)
    assert process.store.leases.holder("r") is None


async def test_an_aftermath_that_fails_lets_the_others_be_tried_again_with_it(process: Process) -> None:
    failing, other = Work(process), Work(process)
    failing.failure = RuntimeError("the network is gone")
    await process.start()
    await process.runs.stop("r", ALICE)
    await other.begun.get()
    failing.done.set()
    await ended(process)
    assert process.store.leases.unheld("elsewhere") == ["r"]


async def test_whoever_finds_a_stopped_run_that_was_left_does_the_rest(processes: Start) -> None:
    one, two = processes("one"), processes("two")
    left, taken = Work(one), Work(two)
    await one.start()
    await one.runs.stop("r", ALICE)
    await left.begun.get()
    await one.host.release_all()

    assert await two.host.adopt_unheld(ResumeReason.TAKEOVER) == []
    write_under(two, await taken.begun.get())
    assert "r" in two.host.endings
    assert "r" not in one.host.endings


async def test_an_aftermath_whose_lease_is_lost_is_given_up(process: Process) -> None:
    work = Work(process)
    await process.start()
    await process.runs.stop("r", ALICE)
    fence = await work.begun.get()
    process.store.leases.release("r", fence.token)
    process.run_in_background(process.host.keep_leases())
    while "r" in process.host.endings:
        await asyncio.sleep(0)
        process.clock.advance(60_000_000)
    assert process.store.leases.unheld("elsewhere") == ["r"]


async def test_an_aftermath_that_fails_is_tried_again_later(process: Process) -> None:
    work = Work(process)
    work.failure = RuntimeError("the network is gone")
    work.done.set()
    await process.start()
    await process.runs.stop("r", ALICE)
    await ended(process)
    assert work.begun.qsize() == 1
    await process.host.adopt_unheld(ResumeReason.TAKEOVER)
    assert work.begun.qsize() == 1, "it rests for a while"
    process.clock.advance(60_000_000)
    work.failure = None
    await process.host.adopt_unheld(ResumeReason.TAKEOVER)
    await ended(process)
    assert work.begun.qsize() == 2
    assert process.store.leases.unheld("elsewhere") == []
