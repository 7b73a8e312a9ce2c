"""Whether the store takes commits, as far as appends and probes tell."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from depot_sim.application.event_log import Append
from depot_sim.application.write_health import FRESH_US, PROBE_US, WriteHealth
from depot_sim.domain.kernel.errors import StoreError
from tests.adapters.event_store.samples import write
from tests.application.run.processes import FakeClock, until

pytestmark = pytest.mark.anyio

FULL = StoreError("the disk is full; nothing was written", "free some space")
APPEND = write("run-1", 0, 1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def log() -> SwitchedLog:
    return SwitchedLog()


@pytest.fixture
def health(log: SwitchedLog, clock: FakeClock) -> WriteHealth:
    return WriteHealth(SwitchedJournal(log), log, clock)


class SwitchedLog:
    """A log whose commits fail or wait as the test wants."""

    def __init__(self) -> None:
        self.fault: StoreError | None = None
        self.open = threading.Event()
        self.open.set()
        self.probes = 0

    def check_writable(self) -> None:
        self.probes += 1
        self.open.wait()
        if self.fault is not None:
            raise self.fault


class SwitchedJournal:
    def __init__(self, log: SwitchedLog) -> None:
        self._log = log

    async def append(self, append: Append) -> Sequence[int]:
        if self._log.fault is not None:
            raise self._log.fault
        return range(1, 1 + len(append.writes))

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_fresh_append_needs_no_probe(health: WriteHealth, log: SwitchedLog, clock: FakeClock) -> None:
    await health.append(APPEND)
    clock.advance(FRESH_US - 1)
    assert (await health.check(), log.probes) == ("", 0)


async def test_without_a_fresh_append_the_store_is_probed(
    health: WriteHealth, log: SwitchedLog, clock: FakeClock
) -> None:
    assert (await health.check(), log.probes) == ("", 1)
    assert (await health.check(), log.probes) == ("", 1)
    clock.advance(FRESH_US)
    assert (await health.check(), log.probes) == ("", 2)


async def test_a_failed_append_is_probed_at_once_and_the_fault_ends_with_the_first_commit(
    health: WriteHealth, log: SwitchedLog
) -> None:
    await health.append(APPEND)
    log.fault = FULL
    with pytest.raises(StoreError):
        await health.append(APPEND)
    assert health.fault == FULL.detail
    assert (await health.check(), log.probes) == (FULL.detail, 1)
    log.fault = None
    assert (await health.check(), health.fault) == ("", "")


async def test_a_commit_that_takes_too_long_is_a_fault_and_probed_once(
    health: WriteHealth, log: SwitchedLog, clock: FakeClock
) -> None:
    log.open.clear()
    for _ in range(2):
        checking = asyncio.create_task(health.check())
        await until(lambda: clock.sleepers > 0)
        clock.advance(PROBE_US)
        assert await checking == "no commit within 2 s"
    assert log.probes == 1
    log.open.set()
    while await health.check():
        clock.advance(1)
    assert health.fault == ""
