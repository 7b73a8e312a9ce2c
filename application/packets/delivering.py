"""Sending a feed's packets: each device's in order and one at a time, those of different devices side by side.

A packet is sent only once its publication is durable, and counts as delivered when that is: after a crash in between
it is sent again.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator

from depot_sim.application.clock import Clock
from depot_sim.application.event_log import EventLog
from depot_sim.application.http import HttpResult, Outgoing, Partner
from depot_sim.application.packets.feeds import PacketFeeds
from depot_sim.application.packets.hosted import HostedFeed
from depot_sim.application.packets.order import Order
from depot_sim.application.under_way import UnderWay, Work
from depot_sim.domain.kernel.events import decode
from depot_sim.domain.kernel.masking import masked
from depot_sim.domain.packets.delivery import Attempt, retry_after_ms
from depot_sim.domain.packets.events import SensorPacketPublished
from depot_sim.domain.packets.state import Waiting

_MOST_ANSWER = 4_096
"""Characters of an answer that are kept."""
_GATHER_US = 50_000
"""What was delivered in the time before a crash is delivered again."""
_LAST = sys.maxsize
"""Behind all answers."""
_PAGE = 500
"""Events read at once of a backlog that is no longer at hand."""
OUTAGE = "the network is down, by an override"


class FeedDelivery:
    """Delivers one hosted feed's packets until it is stopped. `on_failure` is told when the feed had to be dropped."""

    def __init__(
        self,
        hosted: HostedFeed,
        feeds: PacketFeeds,
        log: EventLog,
        partner: Partner,
        clock: Clock,
        under_way: UnderWay,
        on_failure: Callable[[Exception], None],
    ) -> None:
        opened = hosted.feed.opened
        self._hosted = hosted
        self._feeds = feeds
        self._log = log
        self._partner = partner
        self._clock = clock
        self._under_way = under_way
        self._on_failure = on_failure
        self._refusal = "; ".join(map(str, hosted.feed.profile.header_faults))
        self._endpoints = {device.id: device.endpoint or opened.endpoint for device in opened.devices}
        self._slots = asyncio.Semaphore(opened.policy.connections)
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._works: dict[str, Work] = {}
        self._pauses: dict[str, asyncio.Task[None]] = {}
        self._reading = asyncio.Lock()
        self._saving = asyncio.Lock()
        self._order = Order(clock)
        self._waiting_for_more: set[str] = set()
        self._undocumented = asyncio.Event()
        self._recording = under_way.work(hosted.run_id, hosted.id)
        self._recorder = asyncio.create_task(self._record(), name=f"record deliveries of {hosted.id}")

    def wake(self, devices: Iterable[str]) -> None:
        """These devices may have something to send."""
        for device_id in devices:
            if device_id not in self._workers:
                self._begin(device_id)
            elif device_id in self._waiting_for_more:
                self.nudge(device_id)

    def _begin(self, device_id: str) -> None:
        work = self._works[device_id] = self._under_way.work(self._hosted.run_id, self._hosted.id).begin()
        worker = self._workers[device_id] = asyncio.create_task(self._serve(device_id, work))
        worker.add_done_callback(lambda _: work.end())

    def nudge(self, device_id: str) -> None:
        """Let the device try now, however long it meant to wait."""
        pause = self._pauses.get(device_id)
        if pause is not None:
            pause.cancel()
            self._works[device_id].begin()

    def nudge_all(self) -> None:
        for device_id in list(self._pauses):
            self.nudge(device_id)

    def abandon(self) -> None:
        """Stop at once; what is under way may arrive or not."""
        for task in (self._recorder, *self._workers.values(), *self._pauses.values()):
            task.cancel()
        self._recording.end()

    async def stop(self) -> None:
        """Stop sending, and wait for what is being saved."""
        for task in (*self._workers.values(), *self._pauses.values()):
            task.cancel()
        async with self._saving:
            self._recorder.cancel()
            self._recording.end()

    async def _serve(self, device_id: str, work: Work) -> None:
        """Send what the device has to send; ends when there is nothing more."""
        try:
            while not self._hosted.dropped:
                waiting = self._order.first(device_id, self._ready(device_id))
                if waiting is not None:
                    await self._deliver(device_id, waiting, work)
                elif not await self._wait_for_more(device_id):
                    return
        except Exception as error:  # noqa: BLE001 - whatever it was, the feed is taken up again from the log
            self._on_failure(error)
        finally:
            self._workers.pop(device_id, None)

    def _ready(self, device_id: str) -> Iterator[Waiting]:
        """What is in the log, in order."""
        durable = self._hosted.durable
        return (waiting for waiting in self._hosted.feed.backlog(device_id) if waiting.version <= durable)

    async def _wait_for_more(self, device_id: str) -> bool:
        """Whether there is something that only waits for others to go first; then for as long as it would."""
        patience_ms = self._order.patience_ms(device_id)
        if patience_ms is None:
            return False
        self._waiting_for_more.add(device_id)
        try:
            await self._pause(device_id, patience_ms)
        finally:
            self._waiting_for_more.discard(device_id)
        return True

    async def _deliver(self, device_id: str, waiting: Waiting, work: Work) -> None:
        """One attempt, and what follows from it."""
        packet = await self._packet(waiting.version)
        if packet.delay_ms and not waiting.attempts:
            await self._pause(device_id, packet.delay_ms)
        attempt, asked_ms = await self._attempt(packet, waiting, work)
        async with work.turn(waiting.version):
            if self._hosted.dropped:
                return
            number = waiting.attempts + 1
            pause_ms = self._hosted.feed.attempted(device_id, waiting.seq, attempt, asked_ms)
            self._hosted.answered(packet, number, attempt)
            if not self._undocumented.is_set():  # else the recorder has begun already
                self._recording.begin()
                self._undocumented.set()
        if pause_ms is not None:
            await self._pause(device_id, pause_ms)
            return
        self._order.gone(device_id, waiting.seq)
        self._hosted.let_go(waiting.version)
        for _ in range(packet.copies):
            await self._post(packet, work)

    async def _attempt(self, packet: SensorPacketPublished, waiting: Waiting, work: Work) -> tuple[Attempt, int]:
        """What came of it, and how long (ms) the platform asks to wait."""
        if waiting.unreachable or self._refusal:
            return Attempt(0, error=OUTAGE if waiting.unreachable else self._refusal), 0
        held_back = self._hosted.held_back(packet)
        if held_back is not None:
            return held_back, 0
        posted = await self._post(packet, work)
        return _attempt_of(posted), retry_after_ms(posted.answer_headers, self._clock.now_us() // 1_000)

    async def _post(self, packet: SensorPacketPublished, work: Work) -> HttpResult:
        with work.attempt():
            async with self._slots:
                posted = await self._partner.post(self._outgoing(packet))
        if posted.status:
            work.answered()
        return posted

    def _outgoing(self, packet: SensorPacketPublished) -> Outgoing:
        opened, profile = self._hosted.feed.opened, self._hosted.feed.profile
        told = packet.told(opened.site_id)
        endpoint = self._endpoints.get(packet.device_id, opened.endpoint)
        return Outgoing(
            method=profile.method,
            url=endpoint + profile.path_of(told),
            headers=(("Content-Type", profile.content_type), *profile.headers_of(told)),
            body=packet.bytes_sent,
            authorization=opened.authorization,
            credentials=opened.credentials,
            connect_timeout_ms=opened.policy.connect_timeout_ms,
            request_timeout_ms=opened.policy.request_timeout_ms,
        )

    async def _packet(self, version: int) -> SensorPacketPublished:
        """The publication, from the log if it is no longer at hand, together with those after it."""
        packet = self._hosted.packet_at(version)
        if packet is None:
            async with self._reading:
                packet = self._hosted.packet_at(version) or await self._read(version)
        return packet

    async def _read(self, version: int) -> SensorPacketPublished:
        stream = self._hosted.feed.stream
        rows = await asyncio.to_thread(self._log.read_stream, stream, after=version - 1, limit=_PAGE)
        events = [decode(row.topic, row.state) for row in rows]
        self._hosted.keep_packets(events, version)
        packet = events[0]
        assert isinstance(packet, SensorPacketPublished), "what is to be delivered was published"
        return packet

    async def _pause(self, device_id: str, ms: int) -> None:
        """As long as this, or until somebody nudges the device."""
        pause = asyncio.create_task(self._clock.sleep_us(ms * 1_000))
        self._pauses[device_id] = pause
        self._works[device_id].end()
        try:
            await asyncio.wait((pause,))
        finally:
            pause.cancel()
            self._pauses.pop(device_id, None)
            self._works[device_id].begin()

    async def _record(self) -> None:
        """Save what became of deliveries, all of a burst with one append: sending goes before book-keeping.

        When the run waits it is saved before the run goes on, so that it is judged the same after a restart.
        """
        while True:
            await self._undocumented.wait()
            if not self._under_way.is_collecting(self._hosted.run_id):
                await self._clock.sleep_us(_GATHER_US)
            try:
                async with self._recording.turn(_LAST), self._saving:
                    self._undocumented.clear()
                    await self._feeds.save(self._hosted)
            except Exception as error:  # noqa: BLE001 - as in _serve
                self._recording.end()
                self._on_failure(error)
                return
            if not self._undocumented.is_set():
                self._recording.end()


def _attempt_of(posted: HttpResult) -> Attempt:
    answer = posted.body if len(posted.body) <= _MOST_ANSWER else posted.body[:_MOST_ANSWER]
    return Attempt(posted.status, posted.latency_us, masked(posted.answer_headers), answer, posted.error)
