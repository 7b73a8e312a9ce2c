"""Pages of read model `packets`: packets by device, type, delivery, key and time, and the readings of a key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from depot_sim.read_models.database import Database
from depot_sim.read_models.packets.packets import LONGEST_KEY, Reading, StoredPacket, kept, packets_at, readings_of
from depot_sim.read_models.paging import NEWEST, check_limit

_KINDS_AT_ONCE = 16


class WantedPackets(msgspec.Struct, frozen=True):
    """Those that are all of what is not None. `deliberate` are those with overrides; of `key` they say something."""

    device: str | None = None
    type: str | None = None
    delivery: str | None = None
    deliberate: bool | None = None
    key: str | None = None

    @property
    def of_kinds(self) -> bool:
        """Whether anything but the device is asked."""
        return any(asked is not None for asked in (self.type, self.delivery, self.deliberate, self.key))


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


class _Span(msgspec.Struct, frozen=True):
    """So many positions at most, strictly between two, in an order."""

    after: int
    before: int
    oldest_first: bool
    most: int

    @property
    def order(self) -> str:
        return f"ORDER BY position {'ASC' if self.oldest_first else 'DESC'} LIMIT {self.most}"

    @property
    def first(self) -> str:
        return "min(position)" if self.oldest_first else "max(position)"

    def best(self, positions: Iterable[int]) -> list[int]:
        return sorted(positions, reverse=not self.oldest_first)[: self.most]

    def ending_before(self, found: Sequence[int]) -> _Span:
        """What could still be better than `found`, if that is all that is asked for."""
        if len(found) < self.most:
            return self
        end = {"before": found[-1]} if self.oldest_first else {"after": found[-1]}
        return msgspec.structs.replace(self, **end)


ALL = WantedPackets()
NEWEST_ONES = Window()


def list_packets(
    database: Database, feed: int, wanted: WantedPackets = ALL, window: Window = NEWEST_ONES
) -> PacketPage:
    """Raises QueryRefused for a bad limit."""
    check_limit(window.limit)
    found = _packets(database, feed, wanted, window)
    page = found[: window.limit]
    return PacketPage(page, page[-1].position if len(found) > window.limit else None)


def list_readings(
    database: Database, feed: int, wanted: WantedPackets = ALL, window: Window = NEWEST_ONES
) -> ReadingPage:
    """Packet by packet in the window's order, within a packet in its own; of the key only if one is wanted.

    Raises QueryRefused for a bad limit.
    """
    check_limit(window.limit)
    found = _packets(database, feed, wanted, window)
    page = _enough(found[: window.limit], window.limit, whole=wanted.key is None)
    return ReadingPage(readings_of(database, page, wanted.key), page[-1].position if len(page) < len(found) else None)


def _enough(packets: list[StoredPacket], readings: int, *, whole: bool) -> list[StoredPacket]:
    """As many packets as have so many readings together; of each one counts, or all if it is asked for whole."""
    count = 0
    for place, packet in enumerate(packets, 1):
        count += packet.readings if whole else 1
        if count >= readings:
            return packets[:place]
    return packets


def _packets(database: Database, feed: int, wanted: WantedPackets, window: Window) -> list[StoredPacket]:
    """One more than a page holds. First positions, then rows: of both at once a planner knows too little."""
    look = _by_kinds if wanted.of_kinds else _in_order
    positions = look(database, feed, wanted, _span(database, feed, window))
    found = packets_at(database, feed, positions)
    return found if window.oldest_first else found[::-1]


def _in_order(database: Database, feed: int, wanted: WantedPackets, span: _Span) -> list[int]:
    of_device, device = _of_device(wanted)
    sql = f"SELECT position FROM packets WHERE feed = ? AND {of_device}position > ? AND position < ? {span.order}"
    return [position for (position,) in database.query(sql, (feed, *device, span.after, span.before))]


def _by_kinds(database: Database, feed: int, wanted: WantedPackets, span: _Span) -> list[int]:
    """Merged from those kinds that begin best; most others can then add nothing and are hardly looked at."""
    kinds = _kinds(database, feed, wanted, span)
    found: list[int] = []
    while kinds:
        some, kinds = kinds[:_KINDS_AT_ONCE], kinds[_KINDS_AT_ONCE:]
        found = span.best(found + _of_kinds(database, some, wanted, span.ending_before(found)))
    return found


def _kinds(database: Database, feed: int, wanted: WantedPackets, span: _Span) -> list[int]:
    """Kinds that have packets in the span, as many as could matter, by where each begins."""
    conditions, parameters = _conditions(wanted)
    of_device, device = _of_device(wanted)
    sql = (
        f"SELECT position, kind FROM (SELECT kind, (SELECT {span.first} FROM packets"
        f" WHERE {of_device}packets.kind = packet_kinds.kind AND position > ? AND position < ?) AS position"
        f" FROM packet_kinds WHERE feed = ?{conditions}) AS kinds WHERE position IS NOT NULL {span.order}"
    )
    found = database.query(sql, (*device, span.after, span.before, feed, *parameters))
    return [kind for _, kind in found]


def _of_kinds(database: Database, kinds: Sequence[int], wanted: WantedPackets, span: _Span) -> list[int]:
    of_device, device = _of_device(wanted)
    of_kind = (
        f"SELECT position FROM (SELECT position FROM packets"
        f" WHERE {of_device}kind = ? AND position > ? AND position < ? {span.order}) AS of_kind"
    )
    parameters = [value for kind in kinds for value in (*device, kind, span.after, span.before)]
    return [position for (position,) in database.query(" UNION ALL ".join([of_kind] * len(kinds)), parameters)]


def _conditions(wanted: WantedPackets) -> tuple[str, list[object]]:
    """Of kinds."""
    sql, parameters = "", list[object]()
    deliberate = None if wanted.deliberate is None else int(wanted.deliberate)
    for name, value in (("type", wanted.type), ("delivery", wanted.delivery), ("deliberate", deliberate)):
        if value is not None:
            sql += f" AND {name} = ?"
            parameters.append(value)
    if wanted.key is not None:
        sql += " AND keys IN (SELECT keys FROM packet_keys WHERE packet_keys.feed = packet_kinds.feed AND key = ?)"
        parameters.append(kept(wanted.key)[:LONGEST_KEY])
    return sql, parameters


def _of_device(wanted: WantedPackets) -> tuple[str, tuple[str, ...]]:
    return ("", ()) if wanted.device is None else ("device = ? AND ", (kept(wanted.device),))


def _span(database: Database, feed: int, window: Window) -> _Span:
    """Logical time never goes back along a feed, so times are positions."""
    after, before = window.after, window.before
    if window.since is not None:
        after = max(after, _first_at(database, feed, window.since) - 1)
    if window.until is not None:
        before = min(before, _first_at(database, feed, window.until))
    return _Span(after, before, window.oldest_first, window.limit + 1)


def _first_at(database: Database, feed: int, at: int) -> int:
    sql = "SELECT position FROM packets WHERE feed = ? AND at >= ? ORDER BY feed, at, position LIMIT 1"
    found = database.query(sql, (feed, at))
    return found[0][0] if found else NEWEST
