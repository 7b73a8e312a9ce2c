"""Read model `packets`: every packet of every feed, what it measured, and each attempt to deliver it.

Bodies and answers stay in the log, at the positions told here. Every `at` is the run's logical time, ms since 1970 UTC.
"""

from __future__ import annotations

from typing import Any

import msgspec

from read_models.database import Database
from read_models.schema import ReadModel, Table, Type

FEEDS = Table(
    "packet_feeds",
    {"feed": Type.INTEGER, "stream": Type.TEXT, "run_id": Type.TEXT, "binding_id": Type.TEXT},
    key=("feed",),
    indices=(("stream",),),
)
"""A feed's number is the position of its first event: it stands in for the stream's name in the other tables."""

PACKETS = Table(
    "packets",
    {
        "feed": Type.INTEGER,
        "position": Type.INTEGER,
        "at": Type.INTEGER,
        "device": Type.TEXT,
        "seq": Type.INTEGER,
        "type": Type.TEXT,
        "packet_id": Type.TEXT,
        "sent_at": Type.INTEGER,
        "delivery": Type.TEXT,
        "attempts": Type.INTEGER,
        "status": Type.INTEGER,
        "latency_us": Type.INTEGER,
        "error": Type.TEXT,
        "overrides": Type.TEXT,
    },
    key=("feed", "position"),
    indices=(
        ("feed", "at", "position"),
        ("feed", "device", "position"),
        ("feed", "device", "seq"),
        ("feed", "type", "position"),
        ("feed", "delivery", "position"),
        ("packet_id",),
    ),
)

READINGS = Table(
    "packet_readings",
    {
        "feed": Type.INTEGER,
        "position": Type.INTEGER,
        "place": Type.INTEGER,
        "device": Type.TEXT,
        "key": Type.TEXT,
        "value": Type.TEXT,
        "unit": Type.TEXT,
        "quality": Type.TEXT,
        "at": Type.INTEGER,
    },
    key=("feed", "position", "place"),
    indices=(("feed", "key", "position", "place"), ("feed", "device", "key", "position")),
    append_only=True,
)
"""What the packet at a position says of one key; `place` counts its measurements."""

ATTEMPTS = Table(
    "packet_attempts",
    {"feed": Type.INTEGER, "packet": Type.INTEGER, "position": Type.INTEGER, "outcome": Type.TEXT},
    key=("feed", "packet", "position"),
    append_only=True,
)
"""Attempts to deliver the packet published at position `packet`; `position` is where each is told."""

MODEL = ReadModel("packets", 1, (FEEDS, PACKETS, READINGS, ATTEMPTS))

PENDING, DELIVERED, REJECTED, DROPPED = "pending", "delivered", "rejected", "dropped"
DELIVERIES = (PENDING, DELIVERED, REJECTED, DROPPED)

_SELECT = f"SELECT {', '.join(PACKETS.columns)} FROM packets"


class StoredPacket(msgspec.Struct):
    """`position` is where it was published, `delivery` one of DELIVERIES.

    `status` is the HTTP status of the last answer, 0 for none, `error` why there was none. `overrides` names what was
    done to it on purpose.
    """

    feed: int
    position: int
    at: int
    device: str
    seq: int
    type: str
    packet_id: str
    sent_at: int
    delivery: str = PENDING
    attempts: int = 0
    status: int = 0
    latency_us: int = 0
    error: str = ""
    overrides: tuple[str, ...] = ()

    def row(self) -> tuple[object, ...]:
        values = {**msgspec.structs.asdict(self), "overrides": " ".join(self.overrides)}
        return tuple(values[name] for name in PACKETS.columns)


class Reading(msgspec.Struct):
    """What a packet says of a key. `value` is JSON text."""

    position: int
    packet_id: str
    seq: int
    device: str
    key: str
    value: str
    unit: str
    quality: str
    at: int


class Attempt(msgspec.Struct):
    """`outcome` is the topic of the event at `position` that tells it."""

    position: int
    outcome: str


def feed_number(database: Database, stream: str) -> int | None:
    found = database.query("SELECT feed FROM packet_feeds WHERE stream = ? ORDER BY feed LIMIT 1", (stream,))
    return found[0][0] if found else None


def get_packet(database: Database, packet_id: str) -> StoredPacket | None:
    return _first(database, "packet_id = ? ORDER BY position", (packet_id,))


def packet_of(database: Database, feed: int, device: str, seq: int) -> StoredPacket | None:
    return _first(database, "feed = ? AND device = ? AND seq = ?", (feed, device, seq))


def readings_of(database: Database, packet: StoredPacket) -> list[Reading]:
    """In the order of the packet."""
    sql = "SELECT device, key, value, unit, quality, at FROM packet_readings WHERE feed = ? AND position = ?"
    rows = database.query(f"{sql} ORDER BY feed, position, place", (packet.feed, packet.position))
    return [Reading(packet.position, packet.packet_id, packet.seq, *row) for row in rows]


def attempts_of(database: Database, packet: StoredPacket) -> list[Attempt]:
    """The oldest first."""
    sql = "SELECT position, outcome FROM packet_attempts WHERE feed = ? AND packet = ? ORDER BY feed, packet, position"
    return [Attempt(*row) for row in database.query(sql, (packet.feed, packet.position))]


def packets_at(database: Database, feed: int, positions: list[int]) -> list[StoredPacket]:
    """Those published at these positions, in order of position."""
    if not positions:
        return []
    sql = f"{_SELECT} WHERE feed = ? AND position IN ({', '.join('?' * len(positions))}) ORDER BY position"
    return [_packet(row) for row in database.query(sql, (feed, *positions))]


def _first(database: Database, condition: str, parameters: tuple[object, ...]) -> StoredPacket | None:
    found = database.query(f"{_SELECT} WHERE {condition} LIMIT 1", parameters)
    return _packet(found[0]) if found else None


def _packet(row: tuple[Any, ...]) -> StoredPacket:
    columns = dict(zip(PACKETS.columns, row, strict=True))
    return StoredPacket(**{**columns, "overrides": tuple(columns["overrides"].split())})
