"""Read model `packets`: every packet of every feed, what it measured, and each attempt to deliver it.

Bodies and answers stay in the log, at the positions told here. Every `at` is the run's logical time, ms since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from depot_sim.read_models.database import Database
from depot_sim.read_models.schema import ReadModel, Table, Type

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
        "stretch": Type.INTEGER,
        "kind": Type.INTEGER,
        "at": Type.INTEGER,
        "device": Type.TEXT,
        "seq": Type.INTEGER,
        "type": Type.TEXT,
        "packet_id": Type.TEXT,
        "sent_at": Type.INTEGER,
        "readings": Type.INTEGER,
        "delivery": Type.TEXT,
        "attempts": Type.INTEGER,
        "status": Type.INTEGER,
        "latency_us": Type.INTEGER,
        "error": Type.TEXT,
        "overrides": Type.TEXT,
        "matched": Type.TEXT,
        "held_by": Type.TEXT,
    },
    key=("feed", "position"),
    indices=(
        ("feed", "at", "position"),
        ("feed", "device", "position"),
        ("kind", "position"),
        ("device", "kind", "position"),
        ("stretch", "packet_id"),
    ),
)
"""`readings` is a count. `stretch` numbers stretches of the log: ids are random, and in one index of them all every new
packet would change a page of its own. A packet is looked for in one stretch after the other, which are few.
"""

PLACES = Table(
    "packet_places",
    {"feed": Type.INTEGER, "device": Type.TEXT, "seq": Type.INTEGER, "position": Type.INTEGER},
    key=("feed", "device", "seq"),
)
"""Where packets are by the name that deliveries call them. As a table of its own it has its key in a rebuild, too, when
indices are still to come: after a long outage that many packets are looked for.
"""

KINDS = Table(
    "packet_kinds",
    {
        "kind": Type.INTEGER,
        "feed": Type.INTEGER,
        "type": Type.TEXT,
        "delivery": Type.TEXT,
        "deliberate": Type.INTEGER,
        "keys": Type.TEXT,
    },
    key=("feed", "keys", "type", "delivery", "deliberate"),
    indices=(("kind",),),
)
"""Which kinds of packets a feed has had; its number is where in the log a packet first became one, or below 0.

A few hundred at most, as devices tell the same keys again and again. A page is merged from the beginnings of its kinds'
index ranges, so that it costs the same however rare they are, and however many other packets lie between. `keys` is the
digest of what a packet says something of.
"""

KEYS = Table(
    "packet_keys",
    {"feed": Type.INTEGER, "key": Type.TEXT, "keys": Type.TEXT},
    key=("feed", "key", "keys"),
    append_only=True,
)
"""Of which digests a key is part."""

READINGS = Table(
    "packet_readings",
    {
        "feed": Type.INTEGER,
        "position": Type.INTEGER,
        "place": Type.INTEGER,
        "key": Type.TEXT,
        "value": Type.TEXT,
        "unit": Type.TEXT,
        "quality": Type.TEXT,
        "at": Type.INTEGER,
        "truth": Type.TEXT,
    },
    key=("feed", "position", "place"),
    append_only=True,
)
"""What the packet at a position says of one key; `place` counts its measurements. `truth` is JSON text, empty where the
packet says the truth: the measurement as it would be without overrides.
"""

ATTEMPTS = Table(
    "packet_attempts",
    {"feed": Type.INTEGER, "packet": Type.INTEGER, "position": Type.INTEGER, "outcome": Type.TEXT},
    key=("feed", "packet", "position"),
    append_only=True,
)
"""Attempts to deliver the packet published at position `packet`; `position` is where each is told."""

MODEL = ReadModel("packets", 4, (FEEDS, PACKETS, PLACES, KINDS, KEYS, READINGS, ATTEMPTS))

PENDING, DELIVERED, REJECTED, DROPPED = "pending", "delivered", "rejected", "dropped"
DELIVERIES = (PENDING, DELIVERED, REJECTED, DROPPED)

LONGEST_KEY = 200
"""Characters of a key: longer ones, which a profile or an override may make up, are looked for by their beginning."""

_STRETCH = 1 << 16  # positions
_SELECT = f"SELECT {', '.join(PACKETS.columns)} FROM packets"
_FIND_PLACE = "SELECT position FROM packet_places WHERE feed = ? AND device = ? AND seq = ?"
_FIND_PACKET = f"""
    WITH RECURSIVE stretches (stretch) AS (
        SELECT max(position) / {_STRETCH} FROM packets WHERE feed = ?
        UNION ALL SELECT stretch - 1 FROM stretches WHERE stretch > 0
    )
    SELECT position FROM (
        SELECT (
            SELECT position FROM packets WHERE packets.stretch = stretches.stretch AND packet_id = ? AND feed = ?
        ) AS position FROM stretches
    ) AS found WHERE position IS NOT NULL LIMIT 1
"""


class Kind(NamedTuple):
    """What packets may have in common."""

    feed: int
    type: str
    delivery: str
    deliberate: int
    keys: str


class StoredPacket(msgspec.Struct):
    """`position` is where it was published, `delivery` one of DELIVERIES, `readings` a count.

    `status` is the HTTP status of the last answer, 0 for none, `error` why there was none. `overrides` are the ids of
    those that changed it or kept it from being sent, `matched` of those that only matched it. `held_by` is the one that
    keeps it from being sent, if that is still in force. `kind` is the number of its kind.
    """

    feed: int
    position: int
    at: int
    device: str
    seq: int
    type: str
    packet_id: str
    sent_at: int
    kind: int = 0
    readings: int = 0
    delivery: str = PENDING
    attempts: int = 0
    status: int = 0
    latency_us: int = 0
    error: str = ""
    overrides: tuple[str, ...] = ()
    matched: tuple[str, ...] = ()
    held_by: str = ""

    def hold(self, override_id: str) -> None:
        """Note that this override keeps it from being sent."""
        self.held_by = override_id
        self.matched = tuple(one for one in self.matched if one != override_id)
        if override_id not in self.overrides:
            self.overrides = (*self.overrides, override_id)

    def row(self) -> tuple[object, ...]:
        ids = {"overrides": " ".join(self.overrides), "matched": " ".join(self.matched)}
        derived = {**ids, "stretch": self.position // _STRETCH}
        values = {**msgspec.structs.asdict(self), **derived}
        return tuple(values[name] for name in PACKETS.columns)


class Reading(msgspec.Struct):
    """What a packet says of a key. `value` is JSON text, and `truth` the measurement that it stands for, if another."""

    position: int
    packet_id: str
    type: str
    seq: int
    device: str
    key: str
    value: str
    unit: str
    quality: str
    at: int
    truth: str = ""


class Attempt(msgspec.Struct):
    """`outcome` is the topic of the event at `position` that tells it."""

    position: int
    outcome: str


def feed_number(database: Database, stream: str) -> int | None:
    found = database.query("SELECT feed FROM packet_feeds WHERE stream = ? ORDER BY feed LIMIT 1", (stream,))
    return found[0][0] if found else None


def kept(text: str) -> str:
    """No database keeps a NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def digest_of(keys: Collection[str]) -> str:
    """The same for the same keys in whatever order."""
    return sha256("\n".join(sorted(set(keys))).encode()).hexdigest()[:24]


def kind_number(database: Database, kind: Kind) -> int | None:
    conditions = " AND ".join(f"{name} = ?" for name in Kind._fields)
    found = database.query(f"SELECT kind FROM packet_kinds WHERE {conditions}", kind)
    return found[0][0] if found else None


def is_known(database: Database, feed: int, keys: str) -> bool:
    """Whether a packet of the feed has had this digest of keys."""
    return bool(database.query("SELECT 1 FROM packet_kinds WHERE feed = ? AND keys = ? LIMIT 1", (feed, keys)))


def kind_of(database: Database, number: int) -> Kind:
    (row,) = database.query(f"SELECT {', '.join(Kind._fields)} FROM packet_kinds WHERE kind = ?", (number,))
    return Kind(*row)


def get_packet(database: Database, feed: int, packet_id: str) -> StoredPacket | None:
    found = database.query(_FIND_PACKET, (feed, kept(packet_id), feed))
    return _first(database, "feed = ? AND position = ?", (feed, *found[0])) if found else None


def packet_of(database: Database, feed: int, device: str, seq: int) -> StoredPacket | None:
    found = database.query(_FIND_PLACE, (feed, device, seq))
    return _first(database, "feed = ? AND position = ?", (feed, *found[0])) if found else None


def newest_seq(database: Database, feed: int, device: str) -> int:
    """Of the device's packets; -1 before the first."""
    sql = (
        "SELECT seq FROM packet_places WHERE feed = ? AND device = ? ORDER BY feed DESC, device DESC, seq DESC LIMIT 1"
    )
    found = database.query(sql, (feed, device))
    return found[0][0] if found else -1


def packets_at(database: Database, feed: int, positions: Collection[int]) -> list[StoredPacket]:
    """Those published at these positions, in order of position."""
    if not positions:
        return []
    sql = f"{_SELECT} WHERE feed = ? AND position IN ({', '.join('?' * len(positions))}) ORDER BY position"
    return [_packet(row) for row in database.query(sql, (feed, *positions))]


def readings_of(database: Database, packets: Sequence[StoredPacket], key: str | None = None) -> list[Reading]:
    """Of packets of one feed, of this key only if one is given; in the order of the packets and of each packet."""
    if not packets:
        return []
    by_position: dict[int, list[Reading]] = {packet.position: [] for packet in packets}
    told = {
        packet.position: (packet.position, packet.packet_id, packet.type, packet.seq, packet.device)
        for packet in packets
    }
    only, parameters = ("", ()) if key is None else (" AND key = ?", (kept(key),))
    sql = (
        "SELECT position, key, value, unit, quality, at, truth FROM packet_readings"
        f" WHERE feed = ? AND position IN ({', '.join('?' * len(packets))}){only} ORDER BY feed, position, place"
    )
    for position, *said in database.query(sql, (packets[0].feed, *by_position, *parameters)):
        by_position[position].append(Reading(*told[position], *said))
    return [reading for readings in by_position.values() for reading in readings]


def attempts_of(database: Database, packet: StoredPacket) -> list[Attempt]:
    """The oldest first."""
    sql = "SELECT position, outcome FROM packet_attempts WHERE feed = ? AND packet = ? ORDER BY feed, packet, position"
    return [Attempt(*row) for row in database.query(sql, (packet.feed, packet.position))]


def _first(database: Database, condition: str, parameters: tuple[object, ...]) -> StoredPacket | None:
    found = database.query(f"{_SELECT} WHERE {condition} LIMIT 1", parameters)
    return _packet(found[0]) if found else None


def _packet(row: tuple[Any, ...]) -> StoredPacket:
    columns = dict(zip(PACKETS.columns, row, strict=True))
    del columns["stretch"]
    ids = {name: tuple(columns[name].split()) for name in ("overrides", "matched")}
    return StoredPacket(**{**columns, **ids})
