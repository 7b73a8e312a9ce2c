"""A process without a network: what bootstrap composes, with a clock and a journal that tests control."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from depot_sim.adapters.event_store import EventStore
from depot_sim.application.channels.control import Controls
from depot_sim.application.channels.timers import Timers
from depot_sim.application.clock import Alarm
from depot_sim.application.configuration import ConfigurationService
from depot_sim.application.event_log import Append, Journal
from depot_sim.application.repository import Origin, Repository
from depot_sim.application.run.driver import RunDriver
from depot_sim.application.run.host import RunHost
from depot_sim.application.run.live import LiveRuns
from depot_sim.application.run.outcome import Outcome
from depot_sim.application.run.requests import ClockRequest, StartRun
from depot_sim.application.run.service import RunService
from depot_sim.application.scenario.playing import ScriptPlayer
from depot_sim.application.subscription import Tail
from depot_sim.application.under_way import UnderWay
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.events import Event, decode
from depot_sim.domain.kernel.quantities import Duration
from depot_sim.domain.run.aggregate import stream_of
from depot_sim.domain.run.events import ClockMode
from tests.domain.configuration.samples import depot
from tests.domain.scenario.scripts import READER
from tests.patience import patient

MINUTE = 60_000
BY_HAND = ClockRequest(ClockMode.MANUAL, settle=Duration(0))
ALICE = Origin("alice", correlation_id="c-1")
DEPOT = Definition.of(depot())


class _FakeAlarm:
    def __init__(self, at: int, callback: Callable[[], None]) -> None:
        self.at = at
        self.callback = callback
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class FakeClock:
    """Time stands still until `advance`."""

    def __init__(self) -> None:
        self._now = 1_000_000
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []
        self._alarms: list[_FakeAlarm] = []

    def monotonic_us(self) -> int:
        return self._now

    def now_us(self) -> int:
        return self._now

    def utc_offset_s(self) -> int:
        return 0

    async def sleep_us(self, duration_us: int) -> None:
        wakes: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + duration_us, wakes))
        await wakes

    def call_later_us(self, delay_us: int, callback: Callable[[], None]) -> Alarm:
        if delay_us <= 0:
            return asyncio.get_running_loop().call_soon(callback)
        alarm = _FakeAlarm(self._now + delay_us, callback)
        self._alarms.append(alarm)
        return alarm

    def advance(self, duration_us: int) -> None:
        self._now += duration_us
        ringing = sorted((alarm for alarm in self._alarms if alarm.at <= self._now), key=lambda alarm: alarm.at)
        self._alarms = [alarm for alarm in self._alarms if alarm.at > self._now and not alarm.is_cancelled]
        for alarm in ringing:
            if not alarm.is_cancelled:
                alarm.callback()
        for due, wakes in self._sleepers:
            if due <= self._now and not wakes.done():
                wakes.set_result(None)
        self._sleepers = [sleeper for sleeper in self._sleepers if not sleeper[1].done()]

    @property
    def alarms(self) -> int:
        """Calls that are to come."""
        return sum(not alarm.is_cancelled for alarm in self._alarms)

    @property
    def sleepers(self) -> int:
        return sum(not wakes.done() for _, wakes in self._sleepers)


class FailingJournal:
    """Passes appends on while it is open, but raises the errors it is given in place of the next ones."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.outcomes: list[Exception | None] = []
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()

    async def append(self, append: Append) -> Sequence[int]:
        self.asked.set()
        await self.open.wait()
        failure = self.outcomes.pop(0) if self.outcomes else None
        if failure is not None:
            for write in append.writes:
                if write.basis is not None:
                    write.basis.is_lost = True
            raise failure
        return await self._journal.append(append)

    async def close(self) -> None:
        await self._journal.close()


class Process:
    """One owner of runs."""

    def __init__(self, store: EventStore, clock: FakeClock, owner: str) -> None:
        self.store = store
        self.clock = clock
        self.owner = owner
        self.journal = FailingJournal(store.journal())
        self.host = RunHost(store.log, self.journal, store.leases, clock, owner, lease_seconds=60)
        self.configurations = ConfigurationService(Repository(store.log, self.journal), _Ids(owner))
        self.controls = Controls()
        self.timers = Timers(clock)
        self.player = ScriptPlayer(store.log, self.host, self.controls, self.timers, clock, READER)
        self.under_way = UnderWay(clock)
        self.host.on_dropped.append(self.under_way.forget)
        ids = _Ids(owner)
        self.runs = RunService(
            store.log, self.host, self.configurations, ids, clock, self.under_way, scripts=self.player
        )
        self.live = LiveRuns(store.log, self.host)
        self.tail = Tail(store.log)
        RunDriver(self.runs, self.host, clock)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, run_id: str = "r", *, definition: Definition = DEPOT, **changes: Any) -> Outcome:
        """A manual run with ticks of a minute that waits for no answers, unless told otherwise."""
        configuration = await self.configurations.create(definition)
        asked: dict[str, Any] = {"tick": Duration(MINUTE), "clock": BY_HAND}
        return await self.runs.start(StartRun(configuration.id, run_id=run_id, **asked | changes), ALICE)

    def run_in_background(self, coroutine: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(coroutine)
        self._tasks.append(task)
        return task

    def version(self, run_id: str = "r") -> int:
        return self.store.log.stream_version(stream_of(run_id))

    def events(self, run_id: str = "r") -> list[Event]:
        return [decode(row.topic, row.state) for row in self.store.log.read_stream(stream_of(run_id))]

    def topics(self, run_id: str = "r") -> list[str]:
        return [event.TOPIC for event in self.events(run_id)]

    def lose_lease(self, run_id: str = "r", to: str = "elsewhere") -> int:
        """What happens to a process that stood still for too long: another one is given its run."""
        held = self.host.held(run_id)
        assert held is not None
        self.store.leases.release(run_id, held.writer.token)
        token = self.store.leases.acquire(run_id, to, 60)
        assert token is not None
        return token

    def forget(self, run_id: str = "r") -> None:
        """As after kill -9: the lease has run out and nothing was said."""
        held = self.host.held(run_id)
        assert held is not None
        self.host.drop(held)
        self.store.leases.release(run_id, held.writer.token)

    async def close(self) -> None:
        for run_id in self.host.held_ids():
            held = self.host.held(run_id)
            if held is not None:
                self.host.drop(held)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.tail.close()
        await self.journal.close()


async def until(reached: Callable[[], object]) -> None:
    """Wait for something that other tasks and threads bring about."""
    async with asyncio.timeout(patient(60)):
        while not reached():  # noqa: ASYNC110 - what is waited for also happens in threads
            await asyncio.sleep(0.001)


async def all_done(before: set[asyncio.Task[Any]]) -> None:
    """Wait until every task has ended that is not one of those, also what such tasks begin meanwhile."""
    async with asyncio.timeout(patient(60)):
        while begun := asyncio.all_tasks() - before:
            await asyncio.wait(begun)


async def pass_time_until_done(task: asyncio.Task[Any], clock: FakeClock) -> None:
    """Let wall time pass, a second at a time, until nobody waits for it any more."""
    async with asyncio.timeout(patient(60)):
        while not task.done():
            clock.advance(1_000_000)
            await asyncio.sleep(0.001)


class _Ids:
    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._numbers = count(1)

    def new_id(self) -> str:
        return f"{self._prefix}-{next(self._numbers)}"
