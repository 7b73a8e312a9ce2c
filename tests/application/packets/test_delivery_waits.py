"""Waits of a device's deliveries, together with order, wakes by new packets, and pauses."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from depot_sim.adapters.event_store import EventStore
from depot_sim.application.http import HttpResult
from depot_sim.application.packets.hosted import HostedFeed
from depot_sim.domain.interaction.effects import Reorder
from depot_sim.domain.packets.events import PacketDelivered
from depot_sim.domain.packets.packet import Packet
from depot_sim.domain.packets.treating import Treated
from tests.application.packets.processes import BINDING, QUICK, PacketProcess, Platform
from tests.application.run.processes import ALICE, FakeClock

pytestmark = pytest.mark.anyio

HOUR_US = 3_600_000_000
DAY_MS = 24 * 3_600_000
TICKS = 5
"""Each publishes a packet of every device that measures at this cadence."""


class FirstPacket:
    """The first packet of every device is treated with `changes`."""

    def __init__(self) -> None:
        self.changes: dict[str, object] = {}

    def treat(self, packet: Packet, body: bytes) -> Treated:
        treated = Treated(packet, body)
        return msgspec.structs.replace(treated, **self.changes) if packet.seq == 0 else treated


@pytest.fixture
def first_packet(monkeypatch: pytest.MonkeyPatch) -> FirstPacket:
    """In place of the feed's overrides, which cannot name the first packet of each device."""
    first_packet = FirstPacket()
    monkeypatch.setattr(HostedFeed, "treat", lambda _, packet, body, __: first_packet.treat(packet, body))
    return first_packet


@pytest.fixture
async def run(
    store: EventStore, clock: FakeClock, platform: Platform, first_packet: FirstPacket
) -> AsyncIterator[PacketProcess]:
    """With the one feed "iot", and nothing published yet."""
    process = PacketProcess(store, clock, "here", platform)
    try:
        await process.start()
        await process.packets.close_feed("r", BINDING, ALICE)
        await process.open(policy=QUICK)
        yield process
    finally:
        await process.close()


async def tick_once(run: PacketProcess) -> None:
    before = run.stored("iot").state.published
    await run.runs.tick("r", 1, ALICE)
    await run.until(lambda: run.stored("iot").state.published > before)


async def tick(run: PacketProcess, count: int = TICKS) -> dict[str, list[int]]:
    """Let packets be published, in as many wakes; all that are published. Those of the last wake may not wait yet."""
    for _ in range(count):
        await tick_once(run)
    return run.published("iot")


async def test_a_back_off_holds_through_new_packets(run: PacketProcess, platform: Platform, clock: FakeClock) -> None:
    platform.answer = HttpResult(503, answer_headers=(("Retry-After", "3600"),))
    published = await tick(run)
    await run.until(lambda: platform.seqs().keys() == published.keys())
    await run.until(lambda: all(len(seqs) > 1 for seqs in run.published("iot").values()))
    await tick(run)
    assert platform.seqs() == {device: [0] for device in published}, "one request per device, however many packets wait"

    clock.advance(HOUR_US)
    await run.until(lambda: len(platform.received) == 2 * len(published))
    assert platform.seqs() == {device: [0, 0] for device in published}


async def test_a_packet_held_back_leaves_as_soon_as_the_one_it_waits_for_has_left(
    run: PacketProcess, platform: Platform, first_packet: FirstPacket
) -> None:
    first_packet.changes = {"reorder": Reorder(behind=1, at_most_ms=DAY_MS)}
    published = await tick(run, 1)
    left = platform.seqs().keys()
    two_published = {device for device, seqs in run.published("iot").items() if len(seqs) > 1}
    assert left <= two_published, "for the others nothing is there to go first"
    while min(map(len, published.values())) < 2:
        published = await tick(run, 1)
    await run.until(lambda: run.is_delivered("iot"))
    assert {tuple(seqs[:2]) for seqs in platform.seqs().values()} == {(1, 0)}


async def test_a_packet_behind_three_waits_for_each_of_them(
    run: PacketProcess, platform: Platform, first_packet: FirstPacket
) -> None:
    first_packet.changes = {"reorder": Reorder(behind=3, at_most_ms=DAY_MS)}
    published = await tick(run, 3)
    while min(map(len, published.values())) < 5:
        published = await tick(run, 1)
    await run.until(lambda: run.is_delivered("iot"))
    assert {tuple(seqs[:5]) for seqs in platform.seqs().values()} == {(1, 2, 3, 0, 4)}


async def test_a_packet_held_back_that_fails_keeps_its_back_off_through_new_packets(
    run: PacketProcess, platform: Platform, first_packet: FirstPacket, clock: FakeClock
) -> None:
    first_packet.changes = {"reorder": Reorder(behind=1, at_most_ms=DAY_MS)}
    platform.answer = HttpResult(503, answer_headers=(("Retry-After", "3600"),))
    published = await tick(run)
    await run.until(lambda: platform.seqs().keys() == published.keys())
    await tick(run)
    assert platform.seqs() == {device: [1] for device in published}

    platform.answer = HttpResult(204)
    clock.advance(HOUR_US)
    await run.until(lambda: run.is_delivered("iot"))
    assert {tuple(seqs[:4]) for seqs in platform.seqs().values()} == {(1, 1, 0, 2)}


async def test_a_delayed_packet_holds_the_later_ones_of_its_device_back_through_new_packets(
    run: PacketProcess, platform: Platform, first_packet: FirstPacket, clock: FakeClock
) -> None:
    first_packet.changes = {"delay_ms": 3_600_000}
    await tick(run)
    assert platform.received == []
    clock.advance(HOUR_US)
    await run.until(lambda: platform.seqs() == run.published("iot"))


async def test_a_delay_applies_to_the_first_attempt_only(
    run: PacketProcess, platform: Platform, first_packet: FirstPacket, clock: FakeClock
) -> None:
    first_packet.changes = {"delay_ms": 3_600_000}
    platform.answer = HttpResult(503)
    published = await tick(run)
    clock.advance(HOUR_US)
    await run.until(lambda: platform.seqs().keys() == published.keys())
    platform.answer = HttpResult(204)
    await run.until(lambda: run.is_delivered("iot"))
    delivered = [event for event in run.feed_events("iot") if isinstance(event, PacketDelivered)]
    assert {event.attempt > 1 for event in delivered if event.seq == 0} == {True}


async def test_copies_follow_their_packet_and_count_as_one_delivery(
    run: PacketProcess, platform: Platform, first_packet: FirstPacket
) -> None:
    first_packet.changes = {"copies": 2}
    await tick(run)
    await run.until(lambda: platform.seqs() == {device: [0, 0, *seqs] for device, seqs in run.published("iot").items()})
    await run.until(lambda: run.is_delivered("iot"))
    delivered = [event for event in run.feed_events("iot") if isinstance(event, PacketDelivered)]
    assert len({(event.device_id, event.seq) for event in delivered}) == len(delivered)
