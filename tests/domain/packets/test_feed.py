"""What a feed publishes of what it sees, and what it makes of the answers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from depot_sim.domain.interaction.treatment import Marks
from depot_sim.domain.kernel.errors import Conflict
from depot_sim.domain.kernel.events import encode
from depot_sim.domain.kernel.projection import ProjectionHealth, ProjectionStateChanged
from depot_sim.domain.packets.delivery import Attempt
from depot_sim.domain.packets.device import BoundKey
from depot_sim.domain.packets.events import (
    FeedPolicy,
    PacketDelivered,
    PacketDeliveryFailed,
    PacketDropped,
    PacketFeedClosed,
    PacketFeedObserved,
    PacketRejected,
)
from depot_sim.domain.packets.feed import BACKLOG_FULL, CHECKPOINT_EVERY, WITHHELD, PacketFeed
from depot_sim.domain.packets.packet import Packet, packet_id_of
from depot_sim.domain.packets.treating import Treated
from depot_sim.domain.run.digest import RunDigest
from tests.domain.packets.toy import (
    BESS,
    CONTROLLER,
    DEVICES,
    START,
    Eyes,
    Toy,
    folded,
    opened_feed,
    opening,
    published,
    sight,
    types_of,
)

EYES = Eyes()
TAKEN = Attempt(204)
UNREACHABLE = Attempt(0, error="connection refused")


@pytest.fixture
def toy() -> Toy:
    return Toy()


@pytest.fixture
def feed() -> PacketFeed:
    return opened_feed()


@pytest.fixture
def born(feed: PacketFeed, toy: Toy) -> PacketFeed:
    """Its devices have said that they are there, and what they have to say on change."""
    feed.observe(EYES, sight(toy, 1_000, 2, after=0))
    feed.take_pending()
    return feed


def settle(feed: PacketFeed, attempt: Attempt = TAKEN) -> None:
    """Everything that waits gets this answer once."""
    for device in feed.waiting_devices():
        for waiting in list(feed.backlog(device)):
            feed.attempted(device, waiting.seq, attempt)


def test_devices_begin_with_what_they_can_tell_and_with_what_is_told_on_change(feed: PacketFeed, toy: Toy) -> None:
    feed.observe(EYES, sight(toy, 1_000, 2, after=0))
    assert types_of(feed.pending, "meter") == ["BIRTH"]
    assert types_of(feed.pending, "bess") == ["BIRTH", "EVENT"]
    packet = published(feed.pending)[0]
    assert (packet.seq, packet.at, packet.packet_id) == (0, START + 1_000, packet_id_of("r", "meter", 0))
    assert packet.bytes_sent.startswith(b'{"schema"')


def test_keys_are_sent_when_their_cadence_comes_round(born: PacketFeed, toy: Toy) -> None:
    born.observe(EYES, sight(toy, 9_000, 3, after=1_000))
    assert published(born.pending) == []
    born.observe(EYES, sight(toy, 11_000, 4, after=9_000))
    assert types_of(born.pending, "meter") == ["TELEMETRY"]
    assert [one.key for one in published(born.pending)[0].measurements] == ["P"]


def test_what_changed_between_ticks_is_sent_at_once_and_nothing_else(born: PacketFeed, toy: Toy) -> None:
    toy.values[BESS, 0], toy.values[BESS, 2] = 400_000, "ACTIVE"
    born.observe(EYES, sight(toy, 1_500, 3))
    assert types_of(born.pending, "bess") == ["EVENT"]
    assert [(one.key, bytes(one.value)) for one in published(born.pending)[0].measurements] == [("STATE", b'"ACTIVE"')]
    born.take_pending()
    born.observe(EYES, sight(toy, 1_600, 4))
    assert born.pending == []


def test_capacity_never_goes_without_the_heartbeat_status(born: PacketFeed, toy: Toy) -> None:
    toy.values[CONTROLLER, 0] = 40_000
    born.observe(EYES, sight(toy, 1_500, 3))
    toy.values[CONTROLLER, 1] = "LATE"
    born.observe(EYES, sight(toy, 1_600, 4))
    keys = [[one.key for one in packet.measurements] for packet in published(born.pending)]
    assert keys == [["CAPACITY", "LINK"], ["CAPACITY", "LINK"]]


def test_every_heartbeat_is_a_packet(born: PacketFeed, toy: Toy) -> None:
    toy.beats = 1
    born.observe(EYES, sight(toy, 2_000, 3, after=1_000))
    born.observe(EYES, sight(toy, 3_000, 4, after=2_000))
    assert types_of(born.pending, "controller") == ["HEARTBEAT"]
    assert [one.key for one in published(born.pending)[0].measurements] == ["CAPACITY", "LINK", "COUNTER"]
    toy.beats = 2
    born.observe(EYES, sight(toy, 4_000, 5, after=3_000))
    assert types_of(born.pending, "controller") == ["HEARTBEAT", "HEARTBEAT"]


def test_a_device_out_of_service_says_so_and_is_born_again(born: PacketFeed, toy: Toy) -> None:
    toy.absent.add(BESS)
    born.observe(EYES, sight(toy, 1_500, 3))
    born.observe(EYES, sight(toy, 11_000, 4, after=1_000))
    toy.absent.clear()
    born.observe(EYES, sight(toy, 12_000, 5, after=11_000))
    assert types_of(born.pending, "bess") == ["DEATH", "BIRTH", "EVENT"]


def test_looking_again_at_what_was_seen_publishes_nothing(born: PacketFeed, toy: Toy) -> None:
    toy.values[BESS, 2] = "ACTIVE"
    look = sight(toy, 11_000, 3, after=1_000)
    born.observe(EYES, look)
    born.take_pending()
    born.observe(EYES, look)
    born.observe(EYES, sight(toy, 1_000, 2, after=0))
    assert born.pending == []


def test_the_end_lets_every_device_that_is_there_say_its_last(born: PacketFeed, toy: Toy) -> None:
    born.end(5_000, 9, "the run was stopped")
    assert [packet.type.value for packet in published(born.pending)] == ["DEATH"] * len(DEVICES)
    assert [event.reason for event in born.pending if isinstance(event, PacketFeedClosed)] == ["the run was stopped"]
    assert born.waiting_devices()
    settle(born)
    assert (born.is_done, born.state.health) == (True, ProjectionHealth.DOWN)
    born.take_pending()
    born.observe(EYES, sight(toy, 6_000, 10, after=1_000))
    born.end(6_000, 11, "again")
    assert born.pending == []


def test_a_feed_opened_again_goes_on_counting(born: PacketFeed, toy: Toy) -> None:
    with pytest.raises(Conflict):
        born.open(opening())
    born.end(5_000, 9, "closed")
    born.open(opening(run_version=9))
    born.take_pending()
    born.observe(EYES, sight(toy, 6_000, 10, after=5_000))
    births = [packet.seq for packet in published(born.pending) if packet.type.value == "BIRTH"]
    assert births == [2, 3, 3]


def test_an_answer_in_the_two_hundreds_delivers(born: PacketFeed) -> None:
    assert born.attempted("meter", 0, TAKEN) is None
    assert isinstance(born.pending[0], PacketDelivered)
    assert born.state.health is ProjectionHealth.UP
    assert born.backlog("meter") == []


@pytest.mark.parametrize("status", [0, 302, 401, 403, 408, 425, 429, 500, 503])
def test_what_may_pass_is_tried_again_ever_later(born: PacketFeed, status: int) -> None:
    pauses = [born.attempted("meter", 0, Attempt(status)) for _ in range(8)]
    failed = [event for event in born.pending if isinstance(event, PacketDeliveryFailed)]
    assert [event.attempt for event in failed] == list(range(1, 9))
    assert [event.retry_ms for event in failed] == pauses
    longest = [500, 1_000, 2_000, 4_000, 4_000, 4_000, 4_000, 4_000]
    assert all(most // 2 <= pause <= most for pause, most in zip(pauses, longest, strict=True) if pause is not None)
    assert len(set(pauses[3:])) > 1, "they are spread"
    assert [waiting.seq for waiting in born.backlog("meter")] == [0]


def test_a_platform_that_asks_for_more_time_gets_it(born: PacketFeed) -> None:
    assert born.attempted("meter", 0, Attempt(429), at_least_ms=60_000) == 60_000


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422])
def test_a_final_refusal_is_told_and_the_next_packet_goes_on(born: PacketFeed, status: int) -> None:
    assert born.attempted("bess", 0, Attempt(status, answer="no such device")) is None
    refused = next(event for event in born.pending if isinstance(event, PacketRejected))
    assert (refused.seq, refused.status, refused.answer) == (0, status, "no such device")
    assert [waiting.seq for waiting in born.backlog("bess")] == [1]
    assert born.state.health is ProjectionHealth.IMPAIRED


def test_health_is_told_when_it_changes(born: PacketFeed) -> None:
    born.attempted("meter", 0, UNREACHABLE)
    born.attempted("bess", 0, UNREACHABLE)
    born.attempted("meter", 0, TAKEN)
    born.attempted("bess", 0, TAKEN)
    healths = [event.health.value for event in born.pending if isinstance(event, ProjectionStateChanged)]
    assert healths == ["IMPAIRED", "UP"]


def test_a_packet_refused_is_sent_again_on_demand(born: PacketFeed) -> None:
    with pytest.raises(Conflict):
        born.queue_again("meter", 0, 3)
    born.attempted("meter", 0, Attempt(400))
    born.queue_again("meter", 0, 3)
    assert [(waiting.seq, waiting.version) for waiting in born.backlog("meter")] == [(0, 3)]


def test_beyond_the_limit_the_oldest_go_each_with_an_event(toy: Toy) -> None:
    feed = opened_feed(policy=FeedPolicy(backlog_limit=4))
    feed.observe(EYES, sight(toy, 1_000, 2, after=0))
    dropped = [event for event in feed.pending if isinstance(event, PacketDropped)]
    assert [(event.device_id, event.seq, event.reason) for event in dropped] == [("meter", 0, BACKLOG_FULL)]
    feed.observe(EYES, sight(toy, 11_000, 3, after=1_000))
    dropped = [event for event in feed.pending if isinstance(event, PacketDropped)]
    assert [(event.device_id, event.seq) for event in dropped] == [
        ("meter", 0),
        ("bess", 0),
        ("bess", 1),
        ("controller", 0),
    ]
    assert feed.state.waiting == 4
    assert feed.attempted("bess", 0, TAKEN) is None, "what was under way when it was dropped changes nothing"
    assert feed.state.delivered == 0


def test_a_withheld_packet_is_recorded_and_never_waits(born: PacketFeed, toy: Toy) -> None:
    def withhold(packet: Packet, body: bytes, _: Sequence[BoundKey]) -> Treated:
        return Treated(packet, body, Marks(("o-1",)), withheld=packet.device_id == "meter")

    waiting = born.state.waiting
    born.observe(EYES, sight(toy, 11_000, 3, after=1_000), withhold)
    assert [event.reason for event in born.pending if isinstance(event, PacketDropped)] == [WITHHELD]
    assert born.state.waiting == waiting + 2
    assert published(born.pending)[0].overrides == ("o-1",)


def test_a_body_that_is_no_text_is_kept_to_the_byte(born: PacketFeed, toy: Toy) -> None:
    born.observe(EYES, sight(toy, 11_000, 3, after=1_000), lambda packet, _, __: Treated(packet, b"\xff\x00"))
    packet = published(born.pending)[0]
    assert packet.base64
    assert packet.bytes_sent == b"\xff\x00"


def test_a_long_silence_moves_the_checkpoint(born: PacketFeed, toy: Toy) -> None:
    born.observe(EYES, sight(toy, 1_500, 2 + CHECKPOINT_EVERY - 1))
    assert born.pending == []
    born.observe(EYES, sight(toy, 1_600, 2 + CHECKPOINT_EVERY))
    assert born.pending == [PacketFeedObserved(START + 1_600, 2 + CHECKPOINT_EVERY)]


def test_equal_runs_publish_to_equal_hashes_whatever_becomes_of_the_packets() -> None:
    def digest(run_id: str, attempt: Attempt) -> RunDigest:
        toy, feed, chain = Toy(), opened_feed(run_id, endpoint=f"http://{run_id}"), RunDigest()
        for turn in range(4):
            feed.observe(EYES, sight(toy, 10_000 * turn + 1_000, 2 + turn, after=10_000 * (turn - 1) + 1_000))
            settle(feed, attempt)
        for event in feed.pending:
            chain.add(encode(event))
        return chain

    one, other = digest("one", TAKEN), digest("other", UNREACHABLE)
    assert one.canonical_sha256 == other.canonical_sha256
    assert one.raw_sha256 != other.raw_sha256


def test_a_feed_is_as_its_events_tell(feed: PacketFeed, toy: Toy) -> None:
    feed.observe(EYES, sight(toy, 1_000, 2, after=0))
    feed.attempted("meter", 0, UNREACHABLE)
    feed.attempted("bess", 0, Attempt(400))
    feed.attempted("bess", 1, TAKEN)
    assert folded(feed.pending).state == feed.state
