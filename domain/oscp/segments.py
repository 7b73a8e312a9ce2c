"""Messages that come in segments, put together again before anything reads them.

The first segment carries the message's own correlation; a later one names, as partners differ, the first segment's
request id or that of the one before it. They may arrive in any order. What waits is plain data: a tuple of segments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.vocabulary import MessageType
from depot_sim.domain.oscp.wire.shown import quoted

SEGMENT_INDEX = "X-Segment-Index"
SEGMENT_COUNT = "X-Segment-Count"
MOST_SEGMENTS = 100
"""Of one message."""

_is_counting_number = re.compile(r"[1-9][0-9]{0,2}").fullmatch


class Place(msgspec.Struct, frozen=True):
    """The `index`-th of `count` segments, counted from 1."""

    index: int
    count: int


class Segment(msgspec.Struct, frozen=True):
    """`at` is when it came, in ms."""

    type: MessageType
    request_id: str
    correlation_id: str
    place: Place
    body: bytes
    at: int


class Whole(msgspec.Struct, frozen=True):
    """A complete message under its first segment's ids. `request_ids` are those of all its segments, in order."""

    request_id: str
    correlation_id: str
    body: bytes
    request_ids: tuple[str, ...]


class Added(NamedTuple):
    """What waits now; the whole message once it is complete; or why the segment was not taken."""

    waiting: tuple[Segment, ...]
    whole: Whole | None = None
    finding: Finding | None = None


def place_of(index: str, count: str) -> Place | Finding | None:
    """The place that the two headers tell ("" for a header that is not there); None for a message of one piece."""
    if not index and not count:
        return None
    if not index or not count:
        missing = SEGMENT_INDEX if not index else SEGMENT_COUNT
        return Finding("segment.header-missing", Kind.HEADERS, f"no {missing}", "both segment headers, or neither")
    if not _is_counting_number(count) or int(count) > MOST_SEGMENTS:
        return Finding("segment.count", Kind.HEADERS, quoted(count), f"a number from 1 to {MOST_SEGMENTS}")
    if not _is_counting_number(index) or int(index) > int(count):
        return Finding("segment.index", Kind.HEADERS, quoted(index), f"a number from 1 to {count}")
    return Place(int(index), int(count))


def add(waiting: tuple[Segment, ...], segment: Segment, most_bytes: int) -> Added:
    """Take one more segment. One that is not taken leaves the others waiting; together they hold `most_bytes`."""
    finding = next(_faults(waiting, segment, most_bytes), None)
    if finding is not None:
        return Added(waiting, finding=finding)
    held = (*waiting, segment)
    whole = _of_one_message(held, segment)
    if len(whole) < segment.place.count:
        return Added(held)
    first = whole[0]
    body, ids = b"".join([part.body for part in whole]), tuple([part.request_id for part in whole])
    left = tuple([part for part in held if part not in whole])
    return Added(left, Whole(first.request_id, first.correlation_id, body, ids))


def expired(waiting: tuple[Segment, ...], now: int, after_ms: int) -> tuple[Segment, ...]:
    """The segments that have waited for the others so long that they are given up."""
    return tuple([segment for segment in waiting if segment.at + after_ms <= now])


def incomplete(after_ms: int) -> Finding:
    """What to say of a segment that is given up."""
    found = "this segment, and not all others"
    return Finding("segment.incomplete", Kind.MALFORMED, found, f"all of them within {after_ms} ms")


def _faults(waiting: Sequence[Segment], segment: Segment, most_bytes: int) -> Iterator[Finding]:
    index, count = segment.place.index, segment.place.count
    if sum(len(held.body) for held in waiting) + len(segment.body) > most_bytes:
        yield Finding("segment.too-large", Kind.SIZE, "more than can wait", f"{most_bytes} bytes in all segments")
    if index > 1 and not segment.correlation_id:
        yield Finding("segment.correlation-missing", Kind.CORRELATION, "none", "the first or the previous segment's id")
    named = _by_id(waiting).get(segment.correlation_id) if index > 1 else None
    if named is not None and (named.type, named.place.count) != (segment.type, count):
        found, expected = f"{segment.type} of {count}", f"{named.type} of {named.place.count}, as the segment it names"
        yield Finding("segment.other-message", Kind.HEADERS, found, expected)
    elif named is not None and named.place.index not in {1, index - 1}:
        found, expected = f"segment {named.place.index} named", "segment 1" + (f" or {index - 1}" if index > 2 else "")
        yield Finding("segment.correlation", Kind.CORRELATION, found, expected)
    if any(_is_same(waiting, held, segment) for held in waiting):
        yield Finding("segment.double", Kind.HEADERS, f"segment {index} of {count} again", "each segment once")


def _is_same(waiting: Sequence[Segment], one: Segment, other: Segment) -> bool:
    """Whether both claim to be the same segment of the same message."""
    if one.request_id == other.request_id:
        return True
    if one.place != other.place or one.type is not other.type or one.place.index == 1:
        return False
    first = _first_of(one, _by_id(waiting))
    return one.correlation_id == other.correlation_id or (
        first is not None and first is _first_of(other, _by_id(waiting))
    )


def _of_one_message(held: Sequence[Segment], segment: Segment) -> list[Segment]:
    """What has come of the segment's message, in order; nothing while its first segment is unknown."""
    by_id = _by_id(held)
    first = _first_of(segment, by_id)
    parts = {part.place.index: part for part in reversed(held) if first is not None and _first_of(part, by_id) is first}
    return [parts[index] for index in sorted(parts)]


def _first_of(segment: Segment, by_id: Mapping[str, Segment]) -> Segment | None:
    """The first segment of the message, along what each names; None while one on the way is unknown."""
    while segment.place.index > 1:
        named = by_id.get(segment.correlation_id)
        if named is None or (named.type, named.place.count) != (segment.type, segment.place.count):
            return None
        if named.place.index not in {1, segment.place.index - 1}:
            return None
        segment = named
    return segment


def _by_id(segments: Sequence[Segment]) -> dict[str, Segment]:
    return {segment.request_id: segment for segment in segments}
