"""Which packets count as not delivered, and what is said about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from depot_sim.domain.kernel.events import Event
from depot_sim.domain.packets import events as e
from depot_sim.domain.packets.undelivered import undelivered_packets
from depot_sim.domain.packets.vocabulary import DeviceType, PacketType


def packet(seq: int, at: int, device: str = "bess", **told: Any) -> e.SensorPacketPublished:
    fields: dict[str, Any] = {
        "scope_id": "site",
        "packet_id": f"{device}-{seq}",
        "sent_at": at,
        "measurements": (),
        "body": "",
    }
    return e.SensorPacketPublished(at, at, device, DeviceType.BESS, type=PacketType.EVENT, seq=seq, **fields | told)


def undelivered(*events: Event, overrides: Sequence[str] = (), held: Sequence[str] = ()) -> Sequence[str]:
    """Of what was published from 10 to 20."""
    return undelivered_packets(events, 10, 20, frozenset(overrides), frozenset(held))


def test_only_packets_of_the_time_span_count_with_both_its_ends() -> None:
    assert undelivered(*(packet(seq, at) for seq, at in enumerate((9, 10, 20, 21)))) == [
        "EVENT 1 of bess, EVENT 2 of bess not delivered: waiting to be sent"
    ]


def test_delivered_packets_do_not_count_however_often_they_failed_before() -> None:
    failed = e.PacketDeliveryFailed(11, "bess", 0, 1, 503)
    assert undelivered(packet(0, 10), failed, e.PacketDelivered(12, "bess", 0, 2, 204)) == []


def test_packets_are_told_by_what_became_of_them_last() -> None:
    assert undelivered(
        *(packet(seq, 10) for seq in range(7)),
        e.PacketDeliveryFailed(11, "bess", 0, 1, 0, error="the connection was refused"),
        e.PacketDeliveryFailed(11, "bess", 1, 1, 503),
        e.PacketRejected(12, "bess", 1, 2, 422),
        *(e.PacketDropped(13, "bess", seq, "the backlog is full") for seq in range(2, 7)),
    ) == [
        "EVENT 0 of bess not delivered: waiting to be sent (the connection was refused)",
        "EVENT 1 of bess not delivered: refused for good (answered 422)",
        "EVENT 2 of bess, EVENT 3 of bess, EVENT 4 of bess and 2 more not delivered: dropped (the backlog is full)",
    ]


def test_what_overrides_of_the_scenario_have_treated_is_left_out() -> None:
    mine, others = packet(0, 10, overrides=("o-1",)), packet(1, 10, overrides=("o-2",))
    assert undelivered(mine, others, overrides=["o-1"]) == ["EVENT 1 of bess not delivered: waiting to be sent"]


def test_what_waits_at_devices_that_are_held_back_is_left_out_but_not_what_was_refused() -> None:
    events = (packet(0, 10), e.PacketRejected(11, "bess", 0, 1, 422), packet(1, 11), packet(0, 12, "pv"))
    assert undelivered(*events, held=["bess"]) == [
        "EVENT 0 of bess not delivered: refused for good (answered 422)",
        "EVENT 0 of pv not delivered: waiting to be sent",
    ]
