"""Feeds live as long as their run is held here, begin again from the log, and end with their run."""

from __future__ import annotations

import pytest

from depot_sim.application.packets.hosted import FeedKey
from depot_sim.domain.kernel.errors import CommandRefused, Conflict, RunHeldElsewhere, StoreError
from depot_sim.domain.packets.events import PacketFeedClosed, PacketFeedOpened, SensorPacketPublished
from depot_sim.domain.run.events import ResumeReason
from tests.application.packets.conftest import Start
from tests.application.packets.processes import BINDING, PacketProcess, Platform
from tests.application.run.processes import ALICE, MINUTE

pytestmark = pytest.mark.anyio

TWO_MINUTES_US = 120_000_000


async def test_a_binding_with_an_endpoint_opens_its_feed_with_the_run(process: PacketProcess) -> None:
    await process.start()
    await process.runs.tick("r", 5, ALICE)
    await process.until(process.is_delivered)
    opened = process.feed_events()[0]
    assert isinstance(opened, PacketFeedOpened)
    assert (opened.run_version, opened.endpoint) == (1, "https://platform.example/packets")
    assert process.platform.seqs() == process.published()


async def test_no_packet_is_sent_before_it_is_in_the_log(process: PacketProcess) -> None:
    await process.start()
    process.platform.hold()
    await process.runs.tick("r", 1, ALICE)
    await process.until(lambda: process.platform.under_way)
    bodies = {event.body for event in process.feed_events() if isinstance(event, SensorPacketPublished)}
    assert {outgoing.body.decode() for outgoing in process.platform.received} <= bodies
    process.platform.release()


async def test_each_device_has_one_packet_under_way_and_devices_go_side_by_side(process: PacketProcess) -> None:
    await process.start()
    process.platform.hold()
    await process.runs.tick("r", 5, ALICE)
    await process.until(process.published)
    devices = len(await process.packets.devices("r", BINDING))
    await process.until(lambda: process.platform.under_way == devices)
    process.platform.release()
    await process.until(process.is_delivered)
    assert process.platform.most_under_way == devices
    assert process.platform.seqs() == process.published()


async def test_whoever_takes_the_run_over_goes_on_with_what_was_not_delivered(processes: Start) -> None:
    one, two = processes("one"), processes("two")
    await one.start()
    one.platform.hold()
    await one.runs.tick("r", 5, ALICE)
    await one.until(lambda: len(one.published()) > 3)
    one.forget()
    one.platform.received.clear()
    one.platform.release()

    await two.host.adopt("r", ResumeReason.TAKEOVER)
    await two.runs.tick("r", 5, ALICE)
    await two.until(lambda: two.stored().state.at == two.stored().opened.started_at + 600_000 and two.is_delivered())
    assert two.platform.seqs() == two.published()
    assert all(seqs == list(range(len(seqs))) for seqs in two.published().values())


async def test_a_lost_lease_stops_the_feed_at_once(processes: Start) -> None:
    one, two = processes("one"), processes("two")
    await one.start()
    await one.runs.tick("r", 1, ALICE)
    await one.until(one.is_delivered)
    one.lose_lease(to="two")
    with pytest.raises(Conflict):
        await one.runs.tick("r", 1, ALICE)
    assert one.feeds.peek(FeedKey("r", BINDING)) is None
    sent = len(one.platform.received)
    await two.host.adopt("r", ResumeReason.TAKEOVER)
    await two.until(lambda: two.feeds.peek(FeedKey("r", BINDING)))
    assert len(one.platform.received) == sent
    with pytest.raises(RunHeldElsewhere):
        await one.packets.close_feed("r", BINDING, ALICE)


async def test_a_failed_append_begins_again_from_the_log(process: PacketProcess) -> None:
    """The tick itself is written; what its packets are written with is not."""
    await process.start()
    await process.runs.tick("r", 1, ALICE)
    await process.until(process.is_delivered)
    process.journal.outcomes = [None, StoreError("disk full", "make room")]
    await process.runs.tick("r", 5, ALICE)
    await process.until(lambda: process.feeds.peek(FeedKey("r", BINDING)) is None)
    process.clock.advance(TWO_MINUTES_US)
    await process.until(lambda: process.stored().state.run_version == process.version() and process.is_delivered())
    assert all(seqs == list(range(len(seqs))) for seqs in process.published().values())
    assert process.platform.seqs() == process.published()


async def test_a_stopped_run_keeps_its_lease_until_its_last_packet_has_arrived(process: PacketProcess) -> None:
    await process.start()
    await process.runs.tick("r", 1, ALICE)
    await process.until(process.is_delivered)
    process.platform.hold()
    await process.runs.stop("r", ALICE)
    await process.until(lambda: process.platform.under_way)
    assert process.store.leases.holder("r") == "here"
    assert any(isinstance(event, PacketFeedClosed) for event in process.feed_events())
    process.platform.release()
    await process.until(lambda: process.store.leases.holder("r") is None)
    assert process.stored().is_done
    lasts = [event.type.value for event in process.feed_events() if isinstance(event, SensorPacketPublished)]
    assert lasts[-1] == "DEATH"
    with pytest.raises(CommandRefused):
        await process.open("late")


async def test_the_rest_of_a_stopped_run_is_delivered_by_whoever_finds_it(processes: Start) -> None:
    one, two = processes("one"), processes("two")
    await one.start()
    one.platform.hold()
    await one.runs.tick("r", 1, ALICE)
    await one.runs.stop("r", ALICE)
    await one.until(lambda: one.stored().state.closed)
    await one.supervisor.stop()
    await one.host.endings.release_all()
    one.platform.received.clear()
    one.platform.release()

    await two.host.adopt_unheld(ResumeReason.TAKEOVER)
    await two.until(lambda: two.stored().is_done)
    await two.until(lambda: two.store.leases.unheld("three") == [])
    assert two.platform.seqs() == two.published()


async def test_stopping_saves_what_is_known_of_deliveries(process: PacketProcess) -> None:
    await process.start()
    await process.runs.tick("r", 1, ALICE)
    await process.until(lambda: process.published() and not process.platform.under_way)
    hosted = process.feeds.peek(FeedKey("r", BINDING))
    assert hosted is not None
    await process.until(lambda: not hosted.feed.state.waiting)
    await process.supervisor.stop()
    assert process.is_delivered()


async def test_two_feeds_of_a_run_go_their_own_ways(process: PacketProcess, platform: Platform) -> None:
    await process.start()
    await process.runs.tick("r", 3, ALICE)
    await process.open("other")
    await process.runs.tick("r", 3, ALICE)
    await process.until(lambda: process.is_delivered() and process.is_delivered("other"))
    await process.packets.close_feed("r", "other", ALICE)
    await process.runs.tick("r", 3, ALICE)
    await process.until(lambda: process.stored("other").is_done)
    await process.until(lambda: process.stored().state.run_version == process.version() and process.is_delivered())
    views = {view.binding_id: view.status.value for view in await process.packets.feeds("r")}
    assert views == {BINDING: "OPEN", "other": "CLOSED"}
    assert {outgoing.url for outgoing in platform.received} == {
        "https://platform.example/packets",
        "http://platform/packets",
    }


async def test_queries_read_the_run_that_its_feeds_look_at(
    process: PacketProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unread(*_: object, **__: object) -> None:
        raise AssertionError("the feeds have folded the run already")

    await process.start()
    await process.runs.tick("r", 5, ALICE)
    await process.supervisor.decide(FeedKey("r", BINDING), lambda *_: None)  # which comes after all they have to see
    with monkeypatch.context() as patch:
        patch.setattr(process.store.log, "latest_snapshot", unread)
        run = await process.live.get("r")
        assert run.world.at == 5 * MINUTE

    process.forget()
    await process.host.adopt("r", ResumeReason.TAKEOVER)
    assert await process.live.get("r") is not run, "feeds that are not ours any more look at nothing"


async def test_a_feed_opened_in_a_run_tells_at_once_what_there_is(process: PacketProcess) -> None:
    await process.start()
    await process.runs.tick("r", 3, ALICE)
    await process.open("other")
    await process.until(lambda: process.is_delivered("other"))
    types = {event.type.value for event in process.feed_events("other") if isinstance(event, SensorPacketPublished)}
    assert types == {"BIRTH", "EVENT"}
