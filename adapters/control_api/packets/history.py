"""…/packet-feeds/{binding_id}/packets and …/readings: what was sent, what it said, what was answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from enum import StrEnum
from itertools import chain
from typing import Any

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, SkipValidation

from depot_sim.adapters.control_api.backend import Backend
from depot_sim.adapters.control_api.freshness import fresh
from depot_sim.adapters.control_api.interventions import NamedIntervention, Names, names_of
from depot_sim.adapters.control_api.requests import ApiRequest, query_of
from depot_sim.adapters.control_api.shapes import Header, Order, headers_of
from depot_sim.adapters.control_api.times import recorded_us, wall_time
from depot_sim.application.event_log import Row
from depot_sim.domain.kernel.address import masked_address
from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.kernel.events import decode
from depot_sim.domain.kernel.instants import written
from depot_sim.domain.kernel.recorded_secrets import shown_body
from depot_sim.domain.packets.events import DeliveryEvent, PacketDelivered, PacketRejected, SensorPacketPublished
from depot_sim.domain.packets.feed import stream_of
from depot_sim.domain.packets.packet import Measurement
from depot_sim.domain.packets.vocabulary import DeviceType, PacketType, Quality
from depot_sim.read_models.packets import packets
from depot_sim.read_models.packets.history import WantedPackets, Window, list_packets, list_readings
from depot_sim.read_models.packets.packets import Reading, StoredPacket
from depot_sim.read_models.paging import NEWEST

_US_PER_MS = 1_000
_measurement = msgspec.json.Decoder(Measurement).decode


class Delivery(StrEnum):
    """REJECTED: the platform refused it for good. DROPPED: it was withheld, or the backlog was full."""

    PENDING = packets.PENDING
    DELIVERED = packets.DELIVERED
    REJECTED = packets.REJECTED
    DROPPED = packets.DROPPED


class ReadingsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Only readings that are all of this; `type` is the packet's.

    `since` and `until` are RFC 3339 times of the run's own clock: published from the one on, and before the other. Go
    on with the `next` of a page: as `before`, or as `after` when `order` says that the oldest come first.
    """

    device: str | None = None
    key: str | None = None
    type: PacketType | None = None
    since: str | None = None
    until: str | None = None
    order: Order = Order.NEWEST
    before: int | None = None
    after: int | None = None
    limit: int = 100


class PacketsQuery(ReadingsQuery, frozen=True, forbid_unknown_fields=True):
    """As for readings; `key` is one the packet says something of. `has_override`: something was done on purpose."""

    delivery: Delivery | None = None
    has_override: bool | None = None


class PacketSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A packet as the list tells it. `at` and `sent_at` are times of the run: by its clock, and by the device's.

    `status` is the HTTP status of the last answer, null without one; `error` says why there was none, or why the packet
    was dropped. It is `deliberate` when something in `changed_by` made a difference to it on purpose; what is in
    `matched_by` made none. `held_by` keeps it from being sent at present.
    """

    packet_id: str
    position: int
    at: str
    device: str
    seq: int
    type: PacketType
    sent_at: str
    delivery: Delivery
    attempts: int
    status: int | None
    latency_us: int
    error: str
    deliberate: bool
    changed_by: tuple[NamedIntervention, ...]
    matched_by: tuple[NamedIntervention, ...]
    held_by: tuple[NamedIntervention, ...]


class PacketList(msgspec.Struct, frozen=True):
    """`next` asks for the following page; null at the end."""

    packets: list[PacketSummary]
    next: int | None


class Truth(msgspec.Struct, frozen=True):
    """What a packet would say of a key if nothing was done to it on purpose; `at` is when it was measured."""

    key: str
    value: msgspec.Raw
    unit: str
    quality: Quality
    at: str


class ReadingView(msgspec.Struct, frozen=True):
    """What a packet says of one key; `at` is when it was measured. `truth` is there where that is falsified."""

    packet_id: str
    type: PacketType
    device: str
    seq: int
    key: str
    value: msgspec.Raw
    unit: str
    quality: Quality
    at: str
    truth: Truth | None


class ReadingList(msgspec.Struct, frozen=True):
    """A page holds whole packets, so it may be a little longer than asked for. `next` as for packets."""

    readings: list[ReadingView]
    next: int | None


class AttemptView(msgspec.Struct, frozen=True):
    """One attempt to deliver: `status` null and an `error` without an answer. `recorded_at` is wall time.

    `answer` is the body, `retry_ms` how long it waited before the next attempt, null after the last.
    """

    attempt: int
    outcome: Delivery
    recorded_at: str
    status: int | None
    latency_us: int
    headers: tuple[Header, ...]
    answer: str
    error: str
    retry_ms: int | None


class PacketView(PacketSummary, frozen=True, kw_only=True):
    """A packet whole. `body` is what is sent, byte for byte; in base64 if `base64` says so.

    `told_seq` is the number it says. `left_out` is what it would say as well if nothing was done to it on purpose.
    """

    run_id: str
    binding_id: str
    device_type: DeviceType
    scope_id: str
    published_at: str
    told_seq: int
    left_out: list[Truth]
    readings: list[ReadingView]
    body: str
    base64: bool
    delivery_attempts: list[AttemptView]


@get(
    "/packets",
    name="list_packets",
    summary="Read the packets of a feed",
    dependencies={"asked": query_of(PacketsQuery)},
)
async def list_feed_packets(
    request: ApiRequest,
    run_id: FromPath[str],
    binding_id: FromPath[str],
    asked: NamedDependency[SkipValidation[PacketsQuery]],
) -> PacketList:
    """Every packet of it, delivered or not, the newest first."""

    def read() -> PacketList:
        wanted = WantedPackets(asked.device, asked.type, asked.delivery, asked.has_override, asked.key)
        feed, table = _feed(request.backend, run_id, binding_id), request.backend.database(packets.MODEL)
        page = list_packets(table, feed, wanted, _window(asked))
        names = _names(request.backend, page.packets)
        return PacketList([PacketSummary(**_facts(packet, names)) for packet in page.packets], page.next)

    return await asyncio.to_thread(read)


@get("/packets/{packet_id:str}", name="get_packet", summary="Read one packet, whole")
async def get_feed_packet(
    request: ApiRequest, run_id: FromPath[str], binding_id: FromPath[str], packet_id: FromPath[str]
) -> PacketView:
    """With its readings, the bytes sent, and every attempt to deliver it with what was answered."""

    def read() -> PacketView:
        feed = _feed(request.backend, run_id, binding_id)
        packet = packets.get_packet(request.backend.database(packets.MODEL), feed, packet_id)
        if packet is None:
            raise NotFound(f"the feed has no packet {packet_id}", "list its packets to see their ids")
        return _whole(request.backend, run_id, binding_id, packet)

    return await asyncio.to_thread(read)


@get(
    "/readings",
    name="list_packet_readings",
    summary="Read what packets said of a key",
    dependencies={"asked": query_of(ReadingsQuery)},
)
async def list_feed_readings(
    request: ApiRequest,
    run_id: FromPath[str],
    binding_id: FromPath[str],
    asked: NamedDependency[SkipValidation[ReadingsQuery]],
) -> ReadingList:
    """The sequence of measurands that was sent, by device and key; the newest first."""

    def read() -> ReadingList:
        feed, table = _feed(request.backend, run_id, binding_id), request.backend.database(packets.MODEL)
        page = list_readings(table, feed, WantedPackets(asked.device, asked.type, key=asked.key), _window(asked))
        return ReadingList([_reading(reading) for reading in page.readings], page.next)

    return await asyncio.to_thread(read)


HISTORY_ROUTES: list[HTTPRouteHandler] = [list_feed_packets, get_feed_packet, list_feed_readings]


def _feed(backend: Backend, run_id: str, binding_id: str) -> int:
    fresh(backend, packets.MODEL)
    feed = packets.feed_number(backend.database(packets.MODEL), stream_of(run_id, binding_id))
    if feed is None:
        hint = "list its packet feeds to see them; one that was refused says why"
        raise NotFound(f"run {run_id} has no packet feed {binding_id} that was ever open", hint)
    return feed


def _window(asked: ReadingsQuery) -> Window:
    return Window(
        after=0 if asked.after is None else asked.after,
        before=NEWEST if asked.before is None else asked.before,
        since=None if asked.since is None else -(-recorded_us(asked.since, "/since") // _US_PER_MS),
        until=None if asked.until is None else -(-recorded_us(asked.until, "/until") // _US_PER_MS),
        oldest_first=asked.order is Order.OLDEST,
        limit=asked.limit,
    )


def _names(backend: Backend, found: Iterable[StoredPacket]) -> Names:
    """Of all interventions that these packets name."""
    return names_of(backend, chain.from_iterable((*packet.overrides, *packet.matched) for packet in found))


def _facts(packet: StoredPacket, names: Names) -> dict[str, Any]:
    return {
        "packet_id": packet.packet_id,
        "position": packet.position,
        "at": written(packet.at),
        "device": packet.device,
        "seq": packet.seq,
        "type": PacketType(packet.type),
        "sent_at": written(packet.sent_at),
        "delivery": Delivery(packet.delivery),
        "attempts": packet.attempts,
        "status": packet.status or None,
        "latency_us": packet.latency_us,
        "error": packet.error,
        "deliberate": bool(packet.overrides),
        "changed_by": names.of(packet.overrides),
        "matched_by": names.of(packet.matched),
        "held_by": names.in_force((packet.held_by,)),
    }


def _whole(backend: Backend, run_id: str, binding_id: str, packet: StoredPacket) -> PacketView:
    row = _row(backend, packet.position)
    published = decode(row.topic, row.state)
    assert isinstance(published, SensorPacketPublished), "the read model has it from its publication"
    attempts = packets.attempts_of(backend.database(packets.MODEL), packet)
    return PacketView(
        **_facts(packet, _names(backend, [packet])),
        run_id=run_id,
        binding_id=binding_id,
        device_type=published.device_type,
        scope_id=published.scope_id,
        published_at=wall_time(row.recorded_at),
        told_seq=published.seq if published.told_seq is None else published.told_seq,
        left_out=[_truth(one) for one in published.left_out],
        readings=[_reading(reading) for reading in packets.readings_of(backend.database(packets.MODEL), [packet])],
        body=published.body,
        base64=published.base64,
        delivery_attempts=[_attempt(_row(backend, attempt.position)) for attempt in attempts],
    )


def _row(backend: Backend, position: int) -> Row:
    (row,) = backend.log.read_all(position - 1, 1, upto=position)
    return row


def _attempt(row: Row) -> AttemptView:
    event = decode(row.topic, row.state)
    assert isinstance(event, DeliveryEvent), "the read model has it from an attempt"
    outcome = {PacketDelivered: Delivery.DELIVERED, PacketRejected: Delivery.REJECTED}.get(
        type(event), Delivery.PENDING
    )
    return AttemptView(
        attempt=event.attempt,
        outcome=outcome,
        recorded_at=wall_time(row.recorded_at),
        status=event.status or None,
        latency_us=event.latency_us,
        headers=headers_of(event.answer_headers),
        answer=shown_body(event.answer),
        error=masked_address(event.error),
        retry_ms=getattr(event, "retry_ms", None),
    )


def _reading(reading: Reading) -> ReadingView:
    return ReadingView(
        packet_id=reading.packet_id,
        type=PacketType(reading.type),
        device=reading.device,
        seq=reading.seq,
        key=reading.key,
        value=msgspec.Raw(reading.value.encode()),
        unit=reading.unit,
        quality=Quality(reading.quality),
        at=written(reading.at),
        truth=_truth(_measurement(reading.truth)) if reading.truth else None,
    )


def _truth(one: Measurement) -> Truth:
    assert one.at is not None, "the truth has its time"
    return Truth(one.key, one.value, one.unit, one.quality, written(one.at))
