"""The journal: group commit for savers on the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from depot_sim.adapters.event_store import EventStore, open_event_store
from depot_sim.adapters.event_store.journal import GroupCommitJournal
from depot_sim.application.event_log import Append, EventLog, Fence
from depot_sim.domain.kernel.aggregate import Basis
from depot_sim.domain.kernel.errors import LeaseLost, StoreError, VersionConflict
from tests.adapters.event_store.samples import write
from tests.patience import patient


class GatedLog:
    """A log whose commits wait for `gate`, and which counts what each of them held."""

    def __init__(self, log: EventLog) -> None:
        self.gate = threading.Event()
        self.under_way = threading.Event()
        self.batches: list[int] = []
        self._log = log

    def append_many(self, appends: Sequence[Append]) -> Sequence[Sequence[int] | Exception]:
        self.batches.append(len(appends))
        self.under_way.set()
        assert self.gate.wait(patient(60))
        return self._log.append_many(appends)


class BrokenLog:
    def append_many(self, appends: Sequence[Append]) -> Sequence[Sequence[int] | Exception]:
        raise StoreError(f"the connection failed under {len(appends)} appends", "look again")


def gated(log: EventLog, gather_s: float = 0) -> tuple[GatedLog, GroupCommitJournal]:
    slow = GatedLog(log)
    return slow, GroupCommitJournal(slow, gather_s)  # type: ignore[arg-type]


async def under_way(slow: GatedLog) -> None:
    assert await asyncio.to_thread(slow.under_way.wait, 30)


def test_savers_that_come_during_a_commit_share_the_next(store: EventStore) -> None:
    async def savers() -> list[int]:
        slow, journal = gated(store.log)
        first = asyncio.create_task(journal.append(write("first", 0, 1)))
        await under_way(slow)
        rest = [asyncio.create_task(journal.append(write(f"run-{n}", 0, n))) for n in range(50)]
        await asyncio.sleep(0)
        slow.gate.set()
        for outcome in await asyncio.gather(first, *rest):
            assert len(outcome) == 1
        await journal.close()
        return slow.batches

    assert asyncio.run(savers()) == [1, 50]
    assert store.log.stream_version("run-49") == 1


def test_after_a_shared_commit_those_that_come_one_by_one_share_the_next(store: EventStore) -> None:
    async def savers() -> list[int]:
        slow, journal = gated(store.log, gather_s=3_600)
        slow.gate.set()
        await asyncio.gather(*(journal.append(write(f"run-{n}", 0, n)) for n in range(2)))
        one = asyncio.create_task(journal.append(write("one", 0, 3)))
        await asyncio.sleep(0.01)
        another = asyncio.create_task(journal.append(write("another", 0, 4)))
        await asyncio.sleep(0)
        await journal.close()  # nobody waits for more savers then
        await asyncio.gather(one, another)
        return slow.batches

    assert asyncio.run(savers()) == [2, 2]


def test_a_saver_that_is_alone_never_waits_for_others(store: EventStore) -> None:
    async def saver() -> list[int]:
        slow, journal = gated(store.log, gather_s=3_600)
        slow.gate.set()
        for n in range(5):
            await journal.append(write(f"run-{n}", 0, n))
        await journal.close()
        return slow.batches

    assert asyncio.run(saver()) == [1] * 5


def test_closing_does_not_wait_for_more_savers(store: EventStore) -> None:
    async def savers() -> None:
        slow, journal = gated(store.log, gather_s=3_600)
        slow.gate.set()
        await asyncio.gather(*(journal.append(write(f"run-{n}", 0, n)) for n in range(2)))
        last = asyncio.create_task(journal.append(write("last", 0, 3)))
        await asyncio.sleep(0)
        await journal.close()
        assert len(await last) == 1

    asyncio.run(savers())
    assert store.log.stream_version("last") == 1


def test_a_conflict_or_a_lost_lease_fails_only_its_own_saver(store: EventStore) -> None:
    async def savers() -> list[Sequence[int] | BaseException]:
        journal = store.journal()
        stale = write("run-3", 0, 3)._replace(fence=Fence("run-3", 7))
        appends = [write("run-1", 0, 1), write("run-1", 0, 2), stale, write("run-2", 0, 4)]
        outcomes = await asyncio.gather(*map(journal.append, appends), return_exceptions=True)
        await journal.close()
        return outcomes

    assert [type(outcome) for outcome in asyncio.run(savers())] == [range, VersionConflict, LeaseLost, range]


def test_a_saver_cancelled_before_its_turn_is_not_written_and_disturbs_nobody(store: EventStore) -> None:
    async def savers() -> None:
        slow, journal = gated(store.log)
        first = asyncio.create_task(journal.append(write("first", 0, 1)))
        await under_way(slow)
        cancelled, other = (asyncio.create_task(journal.append(write(name, 0, 1))) for name in ("cancelled", "other"))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.sleep(0)
        slow.gate.set()
        await asyncio.gather(first, other)
        await journal.close()

    asyncio.run(savers())
    assert store.log.stream_version("cancelled") == 0
    assert store.log.stream_version("other") == 1


def test_a_saver_cancelled_during_its_commit_is_written_and_disturbs_nobody(store: EventStore) -> None:
    async def savers() -> None:
        slow, journal = gated(store.log)
        cancelled, other = (asyncio.create_task(journal.append(write(name, 0, 1))) for name in ("cancelled", "other"))
        await under_way(slow)
        cancelled.cancel()
        slow.gate.set()
        await other
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        await journal.close()

    asyncio.run(savers())
    assert store.log.stream_version("cancelled") == 1


def test_what_was_decided_on_a_lost_append_is_refused_in_a_later_commit(store: EventStore) -> None:
    async def savers() -> list[Sequence[int] | BaseException]:
        slow, journal = gated(store.log)
        basis = Basis()
        lost = asyncio.create_task(journal.append(write("a", 0, 1, basis=basis)))
        await under_way(slow)
        later = asyncio.create_task(journal.append(write("a", 1, 2, basis=basis)))
        await asyncio.sleep(0)
        store.log.append(write("a", 0, 3))
        slow.gate.set()
        outcomes = await asyncio.gather(lost, later, return_exceptions=True)
        await journal.close()
        assert slow.batches == [1, 1]
        return list(outcomes)

    assert [type(outcome) for outcome in asyncio.run(savers())] == [VersionConflict, VersionConflict]
    assert store.log.stream_version("a") == 1


def test_what_was_decided_on_an_append_whose_saver_is_gone_is_refused(store: EventStore) -> None:
    async def savers() -> Sequence[int]:
        slow, journal = gated(store.log)
        first = asyncio.create_task(journal.append(write("first", 0, 1)))
        await under_way(slow)
        basis = Basis()
        gone, later = (asyncio.create_task(journal.append(write("a", n, n, basis=basis))) for n in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        store.log.append(write("a", 0, 3))
        slow.gate.set()
        await first
        try:
            return await later
        finally:
            await journal.close()

    with pytest.raises(VersionConflict):
        asyncio.run(savers())


def test_nothing_is_written_after_a_commit_whose_outcome_is_unknown_that_was_decided_on_it() -> None:
    async def saver() -> Basis:
        journal = GroupCommitJournal(BrokenLog())  # type: ignore[arg-type]
        basis = Basis()
        with pytest.raises(StoreError):
            await journal.append(write("a", 0, 1, basis=basis))
        await journal.close()
        return basis

    assert asyncio.run(saver()).is_lost


def test_closing_writes_what_waits_and_takes_nothing_more(store: EventStore) -> None:
    async def savers() -> None:
        journal = store.journal()
        waiting = [asyncio.create_task(journal.append(write(f"run-{n}", 0, n))) for n in range(20)]
        await asyncio.sleep(0)
        await journal.close()
        assert all(task.done() for task in waiting)
        with pytest.raises(StoreError, match="closed"):
            await journal.append(write("late", 0, 1))

    asyncio.run(savers())
    assert all(store.log.stream_version(f"run-{n}") == 1 for n in range(20))


@pytest.mark.parametrize("writes", [0, 1])
def test_closing_ends_whether_or_not_anything_was_written_and_again_does_nothing(
    store: EventStore, writes: int
) -> None:
    async def closed_twice() -> None:
        journal = GroupCommitJournal(store.log)
        for number in range(writes):
            await journal.append(write("run", number, number))
        await journal.close()
        await journal.close()
        with pytest.raises(StoreError, match="closed"):
            await journal.append(write("run", writes, writes))

    asyncio.run(closed_twice())
    assert store.log.stream_version("run") == writes


def test_a_failed_commit_is_an_error_to_each_of_its_savers() -> None:
    async def savers() -> list[Sequence[int] | BaseException]:
        journal = GroupCommitJournal(BrokenLog())  # type: ignore[arg-type]
        appends = [write("a", 0, 1), write("b", 0, 1)]
        outcomes = await asyncio.gather(*map(journal.append, appends), return_exceptions=True)
        await journal.close()
        return outcomes

    assert [type(outcome) for outcome in asyncio.run(savers())] == [StoreError, StoreError]


def test_a_journal_leaves_no_thread_behind() -> None:
    before = set(threading.enumerate())

    async def saver() -> None:
        with open_event_store("memory:") as store:
            journal = store.journal()
            await journal.append(write("a", 0, 1))
            await journal.close()

    asyncio.run(saver())
    assert set(threading.enumerate()) <= before
