"""The feeds of one run under one grant of its lease: loaded from the log, published as the run goes on, delivered.

On any error all feeds of the run are stopped and loaded again from the log; this is repeated until the lease is lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from depot_sim.application.channels.timers import AGAIN_US
from depot_sim.application.clock import Clock
from depot_sim.application.event_log import EventLog, Fence
from depot_sim.application.http import Partner, SecretStore
from depot_sim.application.packets.delivering import FeedDelivery
from depot_sim.application.packets.feeds import PacketFeeds
from depot_sim.application.packets.hosted import FeedKey, HostedFeed
from depot_sim.application.packets.opening import bindings_with_endpoint, opening_of, refusal
from depot_sim.application.packets.profiles import ProfileLibrary
from depot_sim.application.packets.requests import OpenPacketFeed
from depot_sim.application.packets.time import FeedTime
from depot_sim.application.packets.watching import RunWatch
from depot_sim.application.repository import Origin
from depot_sim.application.runtime import CommittedRuns, RunCommands
from depot_sim.application.under_way import UnderWay
from depot_sim.domain.configuration.document import SimulationConfigurationDocument
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.kernel.errors import Conflict, InvalidInput, LeaseLost, NotFound, RunHeldElsewhere
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.packets.directory import FeedDirectory
from depot_sim.domain.packets.events import PacketFeedOpened, SensorPacketPublished

T = TypeVar("T")

_log = logging.getLogger("depot_sim.packets")

_FIRST = 1
"""The version of a run's beginning, from which on configured feeds observe it."""


class FeedDependencies(NamedTuple):
    """What it takes to publish and deliver packets."""

    log: EventLog
    runs: CommittedRuns
    feeds: PacketFeeds
    library: ProfileLibrary
    secrets: SecretStore
    partner: Partner
    commands: RunCommands
    clock: Clock
    time: FeedTime
    under_way: UnderWay


class RunFeeds:
    """`idle` is set while there is nothing to publish any more, and nothing to deliver."""

    def __init__(
        self, run_id: str, document: SimulationConfigurationDocument, fence: Fence, dependencies: FeedDependencies
    ) -> None:
        self.fence = fence
        self.idle = asyncio.Event()
        self._run_id = run_id
        self._document = document
        self._dependencies = dependencies
        self._feeds = dependencies.feeds
        self._hosted: dict[str, HostedFeed] = {}
        self._deliveries: dict[str, FeedDelivery] = {}
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._performing: set[asyncio.Task[Any]] = set()
        self._ready = asyncio.Event()
        self._tried = asyncio.Event()
        self._work = dependencies.under_way.work(run_id, "packet feeds").begin()
        self._watch = self._new_watch()
        self.task = asyncio.create_task(self._run(), name=f"write packet feeds of run {run_id}")

    # What happens

    def saved(self, version: int, events: Sequence[Event]) -> None:
        """The run's newest events."""
        self._watch.add_committed(version, events)

    def changed(self, hosted: HostedFeed) -> None:
        """A feed was saved."""
        devices, delivery = hosted.take_devices(), self._deliveries.get(hosted.id)
        if delivery is not None:
            delivery.wake(devices)
        self._update_idle()

    # What is asked

    async def _perform(self, job: Callable[[], Awaitable[T]]) -> T:
        """Do something with the feeds after all that has happened to the run so far, and before what comes next.

        Raises what the job raises, RunHeldElsewhere when the run is lost meanwhile, Conflict when its feeds are.
        """
        performing = asyncio.create_task(self._in_turn(job))
        try:
            await asyncio.wait((performing, self.task), return_when=asyncio.FIRST_COMPLETED)
            if not performing.done():
                raise RunHeldElsewhere(self._run_id, "")
            if performing.cancelled():
                raise Conflict("the run's packet feeds have just been reloaded", "send the request again")
            return performing.result()
        finally:
            if performing not in self._performing:  # what has begun is finished, whoever waits for it
                performing.cancel()

    async def _in_turn(self, job: Callable[[], Awaitable[T]]) -> T:
        """A feed that is dropped on the way takes all of them along."""
        await self._ready.wait()
        task = asyncio.current_task()
        assert task is not None, "a coroutine runs in a task"
        self._performing.add(task)
        try:
            async with self._watch.turn:
                await self._watch.catch_up()
                return await job()
        except Exception as error:
            if any(hosted.dropped for hosted in self._hosted.values()):
                self._fail(error)
            raise
        finally:
            self._performing.discard(task)

    async def wait_until_loaded(self) -> None:
        """Return when the feeds have been loaded, or loading them has failed."""
        trying = asyncio.create_task(self._tried.wait())
        await asyncio.wait((trying, self.task), return_when=asyncio.FIRST_COMPLETED)
        trying.cancel()

    @property
    def opened(self) -> Sequence[HostedFeed]:
        """The feeds that are open, or were before they ended."""
        return [hosted for hosted in self._hosted.values() if hosted.feed.state.opened is not None]

    async def catch_up(self) -> None:
        """Let the feeds see all that has happened to the run so far. Raises as `_perform`."""

        async def nothing() -> None:
            """They have caught up by then."""

        await self._perform(nothing)

    async def open(self, request: OpenPacketFeed, origin: Origin) -> None:
        """Raises Conflict while there is such a feed, InvalidInput with every fault, NotFound for what is named."""
        await self._perform(lambda: self._open(request, origin))

    async def _open(self, request: OpenPacketFeed, origin: Origin) -> None:
        if not self._watch.has_begun:
            await self._watch.begin()
        await self._watch.read()
        opened = await self._opening(request)
        directory = await self._feeds.directory(self._run_id)
        directory.register(request.binding_id, opened.at)
        hosted = await self._host_anew(request.binding_id)
        try:
            hosted.feed.open(opened)
            self._start_observing(hosted)
            self._deliver(hosted)
            hosted.save_with(directory)
            await self._feeds.save(hosted, origin)
        except BaseException:
            self._feeds.drop(hosted)
            raise

    async def _opening(self, request: OpenPacketFeed) -> PacketFeedOpened:
        """What a feed is opened with where the watch is; of a run that has ticked it observes that moment, too."""
        run, needed = self._watch.run, self._dependencies
        version = run.version - 1 if run.world.tick else run.version
        return await asyncio.to_thread(opening_of, request, run, version, needed.library, needed.secrets)

    def _start_observing(self, hosted: HostedFeed) -> None:
        self._watch.start_observing(hosted)
        if self._watch.run.world.tick:
            self._watch.observe_once(hosted)

    async def _host_anew(self, binding_id: str) -> HostedFeed:
        """Raises Conflict while the feed is open."""
        before = self._hosted.get(binding_id)
        if before is not None:
            before.feed.check_may_open()
            delivery = self._deliveries.pop(before.id, None)
            if delivery is not None:
                await delivery.stop()
                await self._feeds.save(before)
            self._feeds.drop(before)
        return await self._host(binding_id)

    async def close(self, binding_id: str, reason: str, origin: Origin) -> None:
        """Let the feed's devices say their last. Does nothing for one that is closed. Raises NotFound."""

        async def close() -> None:
            hosted = self._find(binding_id)
            if hosted.feed.is_open:
                self._watch.end(hosted, reason)
                await self._feeds.save(hosted, origin)

        await self._perform(close)

    async def decide(
        self, binding_id: str, decision: Callable[[HostedFeed, Moment], T], origin: Origin | None = None
    ) -> T:
        """Let `decision` change what is forced on a feed and expected of it; its result. Raises NotFound.

        Its moment is as far as the feed has seen the run: what comes after is judged by the decision.
        """

        async def decide() -> T:
            hosted = self._find(binding_id)
            before = hosted.overrides.version
            result = await self._feeds.apply(hosted, hosted.moment(), decision, origin)
            if hosted.overrides.version != before and hosted.id in self._deliveries:
                self._deliveries[hosted.id].nudge_all()
            return result

        return await self._perform(decide)

    def _watched_to(self) -> int | None:
        return self._watch.run.world.at if self._watch.has_begun else None

    async def queue_again(self, binding_id: str, packet: SensorPacketPublished, version: int, origin: Origin) -> None:
        """Send a packet of the feed once more. Raises Conflict while it is undelivered, NotFound."""

        async def queue() -> None:
            hosted = self._find(binding_id)
            hosted.feed.queue_again(packet.device_id, packet.seq, version)
            await self._feeds.save(hosted, origin)
            if hosted.id not in self._deliveries:
                self._deliver(hosted)
            self._deliveries[hosted.id].wake((packet.device_id,))

        await self._perform(queue)

    def _find(self, binding_id: str) -> HostedFeed:
        hosted = self._hosted.get(binding_id)
        if hosted is None:
            raise self._feeds.unknown(self._run_id, binding_id)
        return hosted

    # How it ends

    def abandon(self) -> None:
        """Stop at once: the feeds are not ours to write any more."""
        self.task.cancel()
        self._unload()

    async def stop(self) -> None:
        """Stop, and keep what is known of deliveries."""
        self.task.cancel()
        await asyncio.gather(*(delivery.stop() for delivery in self._deliveries.values()))
        for hosted in self._hosted.values():
            if not hosted.dropped:
                await self._feeds.save(hosted)
        self._unload()

    # How it is done

    async def _run(self) -> None:
        while True:
            try:
                await self._serve()
            except LeaseLost:
                _log.warning("packet feeds given up: the lease is lost", extra={"run_id": self._run_id})
                self._unload()
                return
            except Exception:  # noqa: BLE001 - it begins again from the log, whatever it was
                _log.exception("packet feeds stopped, to be loaded again", extra={"run_id": self._run_id})
                self._unload()
            self._tried.set()
            await self._dependencies.clock.sleep_us(AGAIN_US)

    async def _serve(self) -> None:
        """Never returns; raises what went wrong with any of the feeds."""
        self._failure = asyncio.get_running_loop().create_future()
        self._watch = self._new_watch()
        self._work.begin()
        await self._load()
        following = asyncio.create_task(self._watch.follow(), name=f"watch run {self._run_id}")
        try:
            await asyncio.wait((following, self._failure), return_when=asyncio.FIRST_COMPLETED)
            await (self._failure if self._failure.done() else following)
        finally:
            following.cancel()

    def _new_watch(self) -> RunWatch:
        needed = self._dependencies
        return RunWatch(self._run_id, needed.runs, needed.log, self._feeds, needed.clock, self._work)

    async def _load(self) -> None:
        """Go on with the feeds there are, and open those the configuration wants."""
        directory = await self._feeds.directory(self._run_id)
        for binding_id in directory.binding_ids:
            await self._host(binding_id)
        wanted = [binding.id for binding in bindings_with_endpoint(self._document) if binding.id not in self._hosted]
        looking = [hosted for hosted in self._hosted.values() if hosted.feed.is_open]
        seen = [hosted.feed.state.run_version for hosted in looking]
        if wanted:
            seen.append(await self._first_version())
        if seen:
            await self._watch.begin(min(seen))
        for hosted in looking:
            self._watch.start_observing(hosted)
        for binding_id in wanted:
            await self._open_configured(binding_id, directory)
        for hosted in self._hosted.values():
            self._deliver(hosted)
        self._ready.set()
        self._tried.set()
        self._update_idle()
        for hosted in self._hosted.values():
            self._feeds.notify_changed(hosted)

    async def _first_version(self) -> int:
        """From which version of the run on configured feeds observe it: its beginning, or its present on wall time."""
        runs, commands = self._dependencies.runs, self._dependencies.commands
        if not (await runs.get(self._run_id)).started.clock.on_wall_time:
            return _FIRST
        await commands.carry_to_present(self._run_id)
        return (await runs.get(self._run_id)).version

    async def _host(self, binding_id: str) -> HostedFeed:
        key = FeedKey(self._run_id, binding_id)
        hosted = self._hosted[binding_id] = await self._feeds.host(key, self.fence)
        hosted.watched_to = self._watched_to
        return hosted

    async def _open_configured(self, binding_id: str, directory: FeedDirectory) -> None:
        """Open a feed as configured, or note why that cannot be done."""
        hosted, run = await self._host(binding_id), self._watch.run
        directory.register(binding_id, run.started_at)
        try:
            hosted.feed.open(await self._opening(OpenPacketFeed(binding_id=binding_id)))
            self._start_observing(hosted)
        except (InvalidInput, NotFound) as problem:
            reason = "; ".join([problem.detail, *map(str, getattr(problem, "faults", ()))])
            _log.warning("packet feed not opened: %s", reason, extra={"feed_id": hosted.id})
            hosted.feed.refuse(refusal(run, self._document, binding_id, reason))
        hosted.save_with(directory)
        await self._feeds.save(hosted)

    def _deliver(self, hosted: HostedFeed) -> None:
        """Begin to deliver, where there is or will be something."""
        if hosted.feed.is_done:
            return
        needed = self._dependencies
        delivery = FeedDelivery(
            hosted=hosted,
            feeds=self._feeds,
            log=needed.log,
            partner=needed.partner,
            clock=needed.clock,
            under_way=needed.under_way,
            on_failure=self._fail,
        )
        self._deliveries[hosted.id] = delivery
        delivery.wake(hosted.feed.waiting_devices())

    def _fail(self, error: Exception) -> None:
        if not self._failure.done():
            self._failure.set_exception(error)

    def _update_idle(self) -> None:
        hosted_feeds = self._hosted.values()
        if self._ready.is_set() and all(hosted.is_done and hosted.is_settled for hosted in hosted_feeds):
            self.idle.set()
        else:
            self.idle.clear()

    def _unload(self) -> None:
        self._ready.clear()
        self._watch.close()
        self._work.end()
        for task in self._performing:
            task.cancel()
        for delivery in self._deliveries.values():
            delivery.abandon()
        for hosted in self._hosted.values():
            self._feeds.drop(hosted)
        self._deliveries.clear()
        self._hosted.clear()
