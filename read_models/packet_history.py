"""Pages of read model `packets`: packets by device, type, delivery, key and time, and the readings of a key."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from read_models.database import Database
from read_models.packets import Reading, StoredPacket, packets_at
from read_models.paging import NEWEST, check_limit

_MOST_OF_A_PACKET = 10_000


class WantedPackets(msgspec.Struct, frozen=True):
    """Those that are all of what is not None. `deliberate` are those with overrides; of `key` they say something."""

    device: str | None = None
    type: str | None = None
    delivery: str | None = None
    deliberate: bool | None = None
    key: str | None = None


class Window(msgspec.Struct, frozen=True):
    """Packets published strictly between two positions and, in logical ms since 1970, at `since` <= at < `until`."""

    after: int = 0
    before: int = NEWEST
    since: int | None = None
    until: int | None = None
    oldest_first: bool = False
    limit: int = 100


class PacketPage(msgspec.Struct):
    """`next` asks for the following page, as `before`, or as `after` when the oldest come first; None at the end."""

    packets: list[StoredPacket]
    next: int | None


class ReadingPage(msgspec.Struct):
    """As PacketPage. A page holds whole packets, so it may be a little longer than asked for."""

    readings: list[Reading]
    next: int | None


ALL = WantedPackets()
NEWEST_ONES = Window()


def list_packets(
    database: Database, feed: int, wanted: WantedPackets = ALL, window: Window = NEWEST_ONES
) -> PacketPage:
    """Raises QueryRefused for a bad limit."""
    check_limit(window.limit)
    positions = _positions(database, feed, wanted, window)
    page = packets_at(database, feed, positions[: window.limit])
    if not window.oldest_first:
        page.reverse()
    return PacketPage(page, positions[window.limit - 1] if len(positions) > window.limit else None)


def list_readings(
    database: Database, feed: int, device: str | None = None, key: str | None = None, window: Window = NEWEST_ONES
) -> ReadingPage:
    """Raises QueryRefused for a bad limit."""
    check_limit(window.limit)
    asked = {name: value for name, value in (("device", device), ("key", key)) if value is not None}
    after, before = _bounds(database, feed, window)
    found = _readings(database, feed, asked, window, after, before, window.limit + 1)
    if len(found) <= window.limit:
        return ReadingPage(found, None)
    cut = found[window.limit].position
    page = [reading for reading in found if reading.position != cut]
    if not page:
        page = _readings(database, feed, asked, window, cut - 1, cut + 1, _MOST_OF_A_PACKET)
    return ReadingPage(page, page[-1].position)


def _readings(
    database: Database, feed: int, asked: Mapping[str, str], window: Window, after: int, before: int, most: int
) -> list[Reading]:
    conditions = "".join(f" AND r.{name} = ?" for name in asked)
    rows = database.query(
        "SELECT r.position, p.packet_id, p.seq, r.device, r.key, r.value, r.unit, r.quality, r.at"
        " FROM packet_readings AS r JOIN packets AS p ON p.feed = r.feed AND p.position = r.position"
        f" WHERE r.feed = ? AND r.position > ? AND r.position < ?{conditions}"
        f" ORDER BY {''.join(f'r.{name}, ' for name in asked)}r.position {_direction(window)}, r.place LIMIT ?",
        (feed, after, before, *asked.values(), most),
    )
    return [Reading(*row) for row in rows]


def _positions(database: Database, feed: int, wanted: WantedPackets, window: Window) -> list[int]:
    """Of the packets asked for, in order, one more than the page may hold."""
    after, before = _bounds(database, feed, window)
    conditions, parameters = _conditions(wanted)
    sql = (
        f"SELECT p.position FROM packets AS p WHERE p.feed = ? AND p.position > ? AND p.position < ?{conditions}"
        f" ORDER BY p.position {_direction(window)} LIMIT ?"
    )
    return [row[0] for row in database.query(sql, (feed, after, before, *parameters, window.limit + 1))]


def _conditions(wanted: WantedPackets) -> tuple[str, list[object]]:
    sql, parameters = "", list[object]()
    for name in ("device", "type", "delivery"):
        value = getattr(wanted, name)
        if value is not None:
            sql += f" AND p.{name} = ?"
            parameters.append(value)
    if wanted.deliberate is not None:
        sql += f" AND p.overrides {'<>' if wanted.deliberate else '='} ''"
    if wanted.key is not None:
        sql += (
            " AND EXISTS (SELECT 1 FROM packet_readings AS r"
            " WHERE r.feed = p.feed AND r.position = p.position AND r.key = ?)"
        )
        parameters.append(wanted.key)
    return sql, parameters


def _bounds(database: Database, feed: int, window: Window) -> tuple[int, int]:
    """Positions strictly between which packets are of this time: logical time never goes back along a feed."""
    after, before = window.after, window.before
    if window.since is not None:
        after = max(after, _first_at(database, feed, window.since) - 1)
    if window.until is not None:
        before = min(before, _first_at(database, feed, window.until))
    return after, before


def _first_at(database: Database, feed: int, at: int) -> int:
    sql = "SELECT position FROM packets WHERE feed = ? AND at >= ? ORDER BY feed, at, position LIMIT 1"
    found = database.query(sql, (feed, at))
    return found[0][0] if found else NEWEST


def _direction(window: Window) -> str:
    return "ASC" if window.oldest_first else "DESC"
