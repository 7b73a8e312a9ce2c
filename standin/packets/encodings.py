"""Bytes to packets: which of the three encodings it is, and the flat one, which needs no module of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from depot_sim.standin.packets.envelope import Reader, read_envelope, renamed
from depot_sim.standin.packets.packet import Encoding, Measurement, Packet, PacketType
from depot_sim.standin.packets.senml import Unresolvable, is_pack, read_pack


class Unreadable(Exception):
    """Nothing can be made of it; the text says why."""


class Context(Struct, frozen=True):
    """What is known besides the body: when it came, the device of the path, and a label of a single packet.

    A label has fields by the envelope's names; `fields` has their names where another profile's envelope has others.
    """

    arrived_at: datetime
    device: str | None = None
    label: dict[str, Any] = {}
    fields: dict[str, str] = {}

    def without_label(self) -> Context:
        return replace(self, label={})


class Received(Struct, frozen=True):
    """A packet with the bytes that were its own."""

    packet: Packet
    body: bytes


def read_packets(body: bytes, context: Context) -> list[Received]:
    """Every packet in the body of a post. Raises Unreadable.

    A body is an object (full, flat), a SenML pack, or a list of objects. Unless all of it can be read, none of it is.
    """
    content = _decode(body)
    if isinstance(content, dict):
        return [Received(_read_object(content, context), body)]
    if not isinstance(content, list) or not content:
        raise Unreadable("expected a JSON object, or a list of at least one")
    if is_pack(content):
        return [Received(packet, body) for packet in _read_pack(content, context)]
    parts = msgspec.json.decode(body, type=list[msgspec.Raw])
    pairs = zip(content, parts, strict=True)
    return [Received(_read_object(item, context.without_label()), bytes(part)) for item, part in pairs]


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise Unreadable(f"this is not JSON: {problem}") from problem


def _read_pack(records: list[Any], context: Context) -> list[Packet]:
    try:
        return read_pack(records, context.device, context.label, context.arrived_at)
    except Unresolvable as problem:
        raise Unreadable(f"this is no SenML pack: {problem}") from problem


def _read_object(content: object, context: Context) -> Packet:
    if not isinstance(content, dict):
        raise Unreadable("expected a list of objects")
    fields = {**context.label, **renamed(content, context.fields)}
    device = fields.get("deviceId") or context.device
    if not isinstance(device, str):
        raise Unreadable("neither deviceId nor the path says which device this is from")
    if isinstance(fields.get("values"), dict):
        return _read_flat(fields, device, context.arrived_at)
    if fields.keys() & {"schema", "packetId", "measurements"}:
        return read_envelope(fields, device, context.arrived_at, context.fields)
    raise Unreadable("expected an envelope (schema, packetId, measurements), SenML records, or ts and values")


def _read_flat(fields: Mapping[str, Any], device: str, arrived_at: datetime) -> Packet:
    reader = Reader()
    sent_at = reader.instant(fields, "ts", arrived_at, numbers=True)
    if fields.get("ts") is None:
        reader.fault("ts is missing")
    return Packet(
        encoding=Encoding.FLAT,
        device=device,
        sent_at=sent_at,
        measurements=tuple(Measurement(str(key), value, sent_at) for key, value in fields["values"].items()),
        type=reader.word(fields, "type", PacketType, PacketType.TELEMETRY),
        packet_id=reader.text(fields, "packetId"),
        seq=reader.count(fields, "seq"),
        device_type=reader.text(fields, "deviceType"),
        site=reader.text(fields, "siteId"),
        scope=reader.text(fields, "scopeId"),
        faults=tuple(reader.faults),
    )
