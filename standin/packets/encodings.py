"""Bytes to packets: which of the three encodings it is, and the flat one, which needs no module of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from standin.packets.envelope import Reader, read_envelope
from standin.packets.packet import Encoding, Measurement, Packet, PacketType
from standin.packets.senml import Unresolvable, is_pack, read_pack
from standin.packets.times import from_ms, from_text


class Unreadable(Exception):
    """Nothing can be made of it; the text says why."""


class Received(Struct, frozen=True):
    """A packet with the bytes that were its own."""

    packet: Packet
    body: bytes


def read_packets(body: bytes, device: str | None, arrived_at: datetime) -> list[Received]:
    """Every packet in the body of a post; `device` is what the path names. Raises Unreadable.

    A body is an object (full, flat), a SenML pack, or a list of objects. Unless all of it can be read, none of it is.
    """
    content = _decode(body)
    if isinstance(content, dict):
        return [Received(_read_object(content, device, arrived_at), body)]
    if not isinstance(content, list) or not content:
        raise Unreadable("expected a JSON object, or a list of at least one")
    if is_pack(content):
        return [Received(packet, body) for packet in _read_pack(content, device, arrived_at)]
    parts = msgspec.json.decode(body, type=list[msgspec.Raw])
    pairs = zip(content, parts, strict=True)
    return [Received(_read_object(item, device, arrived_at), bytes(part)) for item, part in pairs]


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise Unreadable(f"this is not JSON: {problem}") from problem


def _read_pack(records: list[Any], device: str | None, arrived_at: datetime) -> list[Packet]:
    try:
        return read_pack(records, device, arrived_at)
    except Unresolvable as problem:
        raise Unreadable(f"this is no SenML pack: {problem}") from problem


def _read_object(fields: object, device: str | None, arrived_at: datetime) -> Packet:
    if not isinstance(fields, dict):
        raise Unreadable("expected a list of objects")
    owner = fields.get("deviceId") or device
    if not isinstance(owner, str):
        raise Unreadable("neither deviceId nor the path says which device this is from")
    if isinstance(fields.get("values"), dict):
        return _read_flat(fields, owner, arrived_at)
    if fields.keys() & {"schema", "packetId", "measurements"}:
        return read_envelope(fields, owner, arrived_at)
    raise Unreadable("expected an envelope (schema, packetId, measurements), SenML records, or ts and values")


def _read_flat(fields: Mapping[str, Any], device: str, arrived_at: datetime) -> Packet:
    reader = Reader()
    sent_at = _time(reader, fields.get("ts"), arrived_at)
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


def _time(reader: Reader, ts: object, arrived_at: datetime) -> datetime:
    """Milliseconds since 1970, or text."""
    instant = None
    if isinstance(ts, str):
        instant = from_text(ts)
    elif isinstance(ts, (int, float)) and not isinstance(ts, bool):
        instant = from_ms(ts)
    if instant is None:
        reader.fault("ts is missing" if ts is None else f"ts is {ts!r}, no time")
    return instant or arrived_at
