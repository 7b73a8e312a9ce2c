"""The read model `packets` follows every packet of every feed, from its publication to what became of it."""

from __future__ import annotations

import msgspec
import pytest

from depot_sim.domain.packets.events import PacketDeliveryFailed, PacketDropped, PacketQueuedAgain, PacketRejected
from depot_sim.domain.packets.packet import packet_id_of
from depot_sim.domain.packets.vocabulary import PacketType, Quality
from depot_sim.projections.packets.packets import PacketsProjector
from depot_sim.projections.projector import PoisonEvent
from depot_sim.projections.rebuild import rebuild
from depot_sim.read_models.packets import packets
from depot_sim.read_models.packets.history import WantedPackets, list_packets
from depot_sim.read_models.packets.packets import (
    Reading,
    StoredPacket,
    attempts_of,
    feed_number,
    get_packet,
    readings_of,
)
from tests.projections.packet_samples import (
    BESS,
    CONTROLLER,
    FEED,
    NOON,
    RUN,
    delivered,
    measured,
    opened,
    published,
    tell,
)
from tests.projections.samples import Stores


def shown(stores: Stores, device: str = BESS, seq: int = 0) -> StoredPacket:
    stores.catch_up()
    database = stores.database(packets.MODEL)
    feed = feed_number(database, FEED)
    assert feed is not None
    packet = get_packet(database, feed, packet_id_of(RUN, device, seq))
    assert packet is not None
    return packet


def failed(seq: int, attempt: int, error: str) -> PacketDeliveryFailed:
    return PacketDeliveryFailed(NOON, BESS, seq, attempt, 0, error=error, retry_ms=500)


def test_a_packet_is_pending_until_it_is_delivered_whatever_failed_before(stores: Stores) -> None:
    tell(stores.log, opened(), published(0))
    assert shown(stores).delivery == "pending"

    tell(stores.log, failed(0, 1, "connection refused: 127.0.0.1:9"))
    pending = shown(stores)
    assert (pending.delivery, pending.attempts, pending.status) == ("pending", 1, 0)
    assert pending.error == "connection refused: 127.0.0.1:9"

    tell(stores.log, delivered(0, attempt=2, latency_us=1_500))
    done = shown(stores)
    assert (done.delivery, done.attempts, done.status, done.error, done.latency_us) == ("delivered", 2, 204, "", 1_500)
    assert (done.type, done.at, done.sent_at, done.device, done.seq) == ("TELEMETRY", NOON, NOON, BESS, 0)


def test_every_attempt_is_found_where_the_log_tells_it(stores: Stores) -> None:
    tell(stores.log, opened())
    tell(stores.log, published(0), published(0, CONTROLLER))
    first = tell(stores.log, failed(0, 1, "no answer within 10000 ms"))
    tell(stores.log, delivered(0, CONTROLLER))
    last = tell(stores.log, delivered(0, attempt=2))

    attempts = attempts_of(stores.database(packets.MODEL), shown(stores))
    assert [(attempt.position, attempt.outcome) for attempt in attempts] == [
        (first, PacketDeliveryFailed.TOPIC),
        (last, "packets.packet-delivered.1"),
    ]


def test_a_refused_packet_says_so_and_waits_again_once_an_operator_sends_it_again(stores: Stores) -> None:
    tell(stores.log, opened(), published(0), PacketRejected(NOON, BESS, 0, 1, 422, answer="unknown key"))
    assert (shown(stores).delivery, shown(stores).status) == ("rejected", 422)

    tell(stores.log, PacketQueuedAgain(NOON, BESS, 0, 2))
    assert shown(stores).delivery == "pending"

    tell(stores.log, delivered(0))
    assert (shown(stores).delivery, shown(stores).attempts) == ("delivered", 2)


def test_a_packet_that_is_not_sent_says_why(stores: Stores) -> None:
    tell(stores.log, opened(), published(0), published(1, withheld=True, overrides=("o-1", "o-2")))
    tell(stores.log, PacketDropped(NOON, BESS, 0, "the backlog is full"))
    assert (shown(stores).delivery, shown(stores).error) == ("dropped", "the backlog is full")
    withheld = shown(stores, seq=1)
    assert (withheld.delivery, withheld.overrides) == ("dropped", ("o-1", "o-2"))


def held(seq: int, attempt: int, by: str) -> PacketDeliveryFailed:
    return PacketDeliveryFailed(NOON, BESS, seq, attempt, 0, error="the network is down", held_by=by, retry_ms=500)


def test_an_outage_holds_all_that_its_device_has_still_to_send_and_no_other(stores: Stores) -> None:
    tell(stores.log, opened(), published(0), delivered(0))
    stores.catch_up()
    tell(stores.log, published(1), published(2, matched=("o-1", "o-2")), published(3, withheld=True))
    tell(
        stores.log,
        published(0, CONTROLLER),
        held(1, 1, "o-1"),
        published(4, type=PacketType.EVENT),
        delivered(1, attempt=2),
        held(2, 1, "o-1"),
    )

    found = [shown(stores, seq=seq) for seq in range(5)]
    assert [packet.overrides for packet in found] == [(), ("o-1",), ("o-1",), (), ("o-1",)]
    assert [packet.held_by for packet in found] == ["", "", "o-1", "", "o-1"], "a delivered packet is held no more"
    assert (found[2].matched, shown(stores, CONTROLLER).overrides) == (("o-2",), ())
    feed = found[0].feed
    page = list_packets(stores.database(packets.MODEL), feed, WantedPackets(deliberate=True))
    assert {packet.seq for packet in page.packets} == {1, 2, 4}


def test_a_false_reading_has_the_true_one_beside_it(stores: Stores) -> None:
    truth = (msgspec.structs.replace(measured("SOC", 50, "%"), at=NOON),)
    false = (measured("soc", 100, "%"), measured("POWER", 1, "W"))
    tell(stores.log, opened(), published(0, measurements=false, truth=truth))
    told = readings_of(stores.database(packets.MODEL), [shown(stores)])
    assert [reading.truth for reading in told] == [msgspec.json.encode(truth[0]).decode(), ""]


def test_readings_stand_in_the_order_of_the_packet_with_their_own_times(stores: Stores) -> None:
    late = measured("ALARM_CODES", ["E1"], quality=Quality.ESTIMATED)
    measurements = (measured("SOC", 55.5, "%"), measured("DISPATCH_STATE", None, quality=Quality.MISSING), late)
    tell(stores.log, opened(), published(0, type=PacketType.EVENT, measurements=measurements))
    packet = shown(stores)
    said = (packet.position, packet.packet_id, "EVENT", 0, BESS)
    assert readings_of(stores.database(packets.MODEL), [packet]) == [
        Reading(*said, "SOC", "55.5", "%", "OK", NOON),
        Reading(*said, "DISPATCH_STATE", "null", "", "MISSING", NOON),
        Reading(*said, "ALARM_CODES", '["E1"]', "", "ESTIMATED", NOON),
    ]


def test_a_feed_opened_again_goes_on_as_the_same_feed(stores: Stores) -> None:
    tell(stores.log, opened(), published(0))
    tell(stores.log, opened(), published(1))
    assert shown(stores, seq=0).feed == shown(stores, seq=1).feed


def test_an_answer_to_a_packet_that_was_never_published_stops_the_read_model(memory: Stores) -> None:
    tell(memory.log, opened(), delivered(0))
    with pytest.raises(PoisonEvent, match="never published packet 0"):
        memory.catch_up()


def test_a_rebuild_comes_to_the_same_tables_as_following_event_by_event(stores: Stores) -> None:
    again = PacketQueuedAgain(NOON, BESS, 0, 2)
    late = published(1), published(2, type=PacketType.EVENT, matched=("o-1",)), held(1, 1, "o-1")
    for event in (opened(), published(0), failed(0, 1, "refused"), *late, delivered(0, attempt=2), again):
        tell(stores.log, event)
        stores.catch_up()
    database = stores.database(packets.MODEL)
    tables = [f"SELECT * FROM {table.name} ORDER BY {', '.join(table.key)}" for table in packets.MODEL.tables]
    before = [database.query(sql) for sql in tables]
    rebuild(PacketsProjector(), stores.log, stores.read[packets.MODEL])
    assert [database.query(sql) for sql in tables] == before
