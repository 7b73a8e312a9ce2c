"""Following one run event by one, so that its feeds see it at every point where devices look, and at no other.

The run is folded here: the one that is being written is ahead of the log, and of the moments in between. Queries read
this fold as well, but while it is behind: a look at a tick may take a hundred times as long as the tick.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence

from depot_sim.application.clock import Clock
from depot_sim.application.event_log import EventLog
from depot_sim.application.packets.feeds import PacketFeeds
from depot_sim.application.packets.hosted import HostedFeed
from depot_sim.application.runtime import CommittedRuns
from depot_sim.application.under_way import Work
from depot_sim.domain.kernel.events import Event, decode
from depot_sim.domain.packets.measure.observation import Observation
from depot_sim.domain.packets.measure.observer import Observer
from depot_sim.domain.packets.measure.points import is_change, is_tick
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.events import RunEvent, SimulationRunStopped

_PAGE = 500
_BREATH_US = 5_000  # of looking, after which deliveries get their turn
_ENOUGH = 500  # packets to publish with one append
RUN_STOPPED = "the run was stopped"


class RunWatch:
    """One run and its feeds. Until `begin` nothing that happens matters.

    Whoever has the `turn` may change feeds, and has to catch up first: what they are told comes in its order. Its
    `work` is to publish what has happened.
    """

    def __init__(
        self, run_id: str, runs: CommittedRuns, log: EventLog, feeds: PacketFeeds, clock: Clock, work: Work
    ) -> None:
        self.run_id = run_id
        self._runs = runs
        self._log = log
        self._feeds = feeds
        self._clock = clock
        self._work = work
        self._run: SimulationRun | None = None
        self._watching: list[tuple[HostedFeed, Observer]] = []
        self._news: deque[tuple[int, Sequence[Event]]] = deque()
        self._has_read = False
        self._arrived = asyncio.Event()
        self.turn = asyncio.Lock()

    @property
    def run(self) -> SimulationRun:
        """As it has been watched so far."""
        assert self._run is not None, "the watch has begun"
        return self._run

    @property
    def has_begun(self) -> bool:
        return self._run is not None

    async def begin(self, version: int | None = None) -> None:
        """Know the run as it was at this version, or as it is now. Raises NotFound."""
        if version is None:
            version = (await self._runs.get(self.run_id)).version
        self._run = await self._runs.at_version(self.run_id, version)
        self._runs.share(self._run)

    def close(self) -> None:
        """Look at nothing any more."""
        if self._run is not None:
            self._runs.unshare(self._run)

    def start_observing(self, hosted: HostedFeed) -> None:
        """From now on the feed looks as well; does nothing for one that is not open."""
        self._watching = [watching for watching in self._watching if watching[0].id != hosted.id]
        if hosted.feed.is_open:
            opened = hosted.feed.opened
            observer = Observer(self.run.depot, opened.devices, hosted.feed.profile, opened.seed)
            self._watching.append((hosted, observer))

    def observe_once(self, hosted: HostedFeed) -> None:
        """Let the feed look at the world as it stands, for what has changed since it last did."""
        sight = Observation(self.run.world, self.run.world.at, self.run.version)
        for watching, observer in self._watching:
            if watching is hosted:
                hosted.feed.observe(observer, sight, hosted.treat)

    def end(self, hosted: HostedFeed, reason: str) -> None:
        """Let the feed's devices say their last."""
        hosted.feed.end(self.run.world.at, self.run.version, reason, hosted.treat)

    def add_committed(self, version: int, events: Sequence[Event]) -> None:
        """These events were committed, the last of them with this version."""
        if self.has_begun:
            self._news.append((version, events))
            self._work.begin()
            self._arrived.set()

    async def follow(self) -> None:
        """Look at everything that has happened and happens, until cancelled."""
        while True:
            async with self.turn:
                await self.catch_up()
            if not self._news:
                self._work.end()
            await self._arrived.wait()

    async def catch_up(self) -> None:
        """Look at everything that has happened so far; the caller has the turn."""
        if self.has_begun and not self._has_read:
            await self.read()
        self._arrived.clear()
        while self._news:
            await self._take(*self._news.popleft())

    async def read(self) -> None:
        """Look at everything that is in the log."""
        more = True
        while more:
            rows = await asyncio.to_thread(self._log.read_stream, self.run.stream, after=self.run.version, limit=_PAGE)
            await self._watch(decode(row.topic, row.state) for row in rows)
            more = len(rows) == _PAGE
        self._has_read = True

    async def _take(self, version: int, events: Sequence[Event]) -> None:
        known = self.run.version
        if version <= known:
            return
        if version - len(events) > known:
            await self.read()
        else:
            await self._watch(events[len(events) - (version - known) :])

    async def _watch(self, events: Iterable[Event]) -> None:
        began_us = self._clock.monotonic_us()
        for event in events:
            self._look_after(event)
            if self._pending() >= _ENOUGH:
                await self._publish()
            elif self._clock.monotonic_us() - began_us > _BREATH_US:
                await asyncio.sleep(0)
            else:
                continue
            began_us = self._clock.monotonic_us()
        await self._publish()

    def _look_after(self, event: Event) -> None:
        run = self.run
        after = run.world.at if is_tick(event) else None
        run.fold((event,))
        assert isinstance(event, RunEvent), "a run's stream holds run events"
        if after is not None or is_change(event):
            self._look(Observation(run.world, event.at, run.version, after))
        elif isinstance(event, SimulationRunStopped):
            for hosted, _ in self._watching:
                hosted.feed.end(event.at, run.version, RUN_STOPPED, hosted.treat)

    def _look(self, sight: Observation) -> None:
        for hosted, observer in self._watching:
            hosted.feed.observe(observer, sight, hosted.treat)

    def _pending(self) -> int:
        return sum(len(hosted.feed.pending) for hosted, _ in self._watching)

    async def _publish(self) -> None:
        for hosted, _ in self._watching:
            await self._feeds.save(hosted)
