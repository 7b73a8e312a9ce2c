"""What each finding about headers, size and segments reports, and the status of both built-in profiles."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from depot_sim.domain.oscp.envelope import envelope_findings
from depot_sim.domain.oscp.events import Policy
from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.profiles import BETTERFLEET_VECTOR, OCA_2_0
from depot_sim.domain.oscp.segments import Place, Segment, add, incomplete, place_of
from depot_sim.domain.oscp.verdict import verdict
from depot_sim.domain.oscp.vocabulary import MessageType

JSON = ("content-type", "application/json")
ID = ("x-request-id", "m-1")
HANDSHAKE, HEARTBEAT = MessageType.HANDSHAKE, MessageType.HEARTBEAT
MOST_BYTES = 100


def of_headers(*headers: tuple[str, str], size: int = 2) -> Iterable[Finding]:
    return envelope_findings(headers, BETTERFLEET_VECTOR, 10, size)


def of_place(index: str, count: str) -> Iterable[Finding]:
    found = place_of(index, count)
    return [found] if isinstance(found, Finding) else []


def segment(
    index: int, count: int, names: str = "", id: str = "", *, type: MessageType = HANDSHAKE, body: bytes = b"{"
) -> Segment:
    return Segment(type, id or f"s{index}", names, Place(index, count), body, 0)


def of_segments(*segments: Segment) -> Iterable[Finding]:
    """Of the last segment, while the others wait."""
    *waiting, last = segments
    added = add(tuple(waiting), last, MOST_BYTES)
    return [] if added.finding is None else [added.finding]


ONE = segment(1, 3)
BOTH = "both segment headers, or neither"
FINDINGS = [
    (
        of_headers(JSON),
        Finding("header.x-request-id.missing", Kind.HEADERS, "none", "X-Request-ID, unique per message"),
        (422, 400),
    ),
    (
        of_headers(("x-request-id", "a b"), JSON),
        Finding("header.x-request-id.form", Kind.HEADERS, "3 characters", "1 to 200 visible ASCII characters"),
        (422, 400),
    ),
    (
        of_headers(ID, ("x-correlation-id", "x" * 201), JSON),
        Finding("header.x-correlation-id.form", Kind.HEADERS, "201 characters", "1 to 200 visible ASCII characters"),
        (422, 400),
    ),
    (
        of_headers(ID, ID, JSON),
        Finding("header.x-request-id.doubled", Kind.HEADERS, "2 of them", "one X-Request-ID"),
        (422, 400),
    ),
    (of_headers(ID, JSON, size=11), Finding("body.too-large", Kind.SIZE, "11 bytes", "at most 10"), (422, 422)),
    (
        of_headers(ID, ("content-type", "text/plain")),
        Finding("header.content-type", Kind.CONTENT_TYPE, "text/plain", "application/json"),
        (422, 422),
    ),
    (of_headers(ID), Finding("header.content-type", Kind.CONTENT_TYPE, "none", "application/json"), (422, 422)),
    (
        of_place("1", ""),
        Finding("segment.header-missing", Kind.HEADERS, "no X-Segment-Count", BOTH),
        (422, 400),
    ),
    (
        of_place("", "2"),
        Finding("segment.header-missing", Kind.HEADERS, "no X-Segment-Index", BOTH),
        (422, 400),
    ),
    (of_place("1", "101"), Finding("segment.count", Kind.HEADERS, '"101"', "a number from 1 to 100"), (422, 400)),
    (of_place("3", "2"), Finding("segment.index", Kind.HEADERS, '"3"', "a number from 1 to 2"), (422, 400)),
    (
        of_segments(ONE, segment(2, 3, "s1", body=b"x" * MOST_BYTES)),
        Finding("segment.too-large", Kind.SIZE, "more than can wait", "100 bytes in all segments"),
        (422, 422),
    ),
    (
        of_segments(ONE, segment(2, 3)),
        Finding("segment.correlation-missing", Kind.CORRELATION, "none", "the first or the previous segment's id"),
        (403, 403),
    ),
    (
        of_segments(ONE, segment(2, 4, "s1")),
        Finding("segment.other-message", Kind.HEADERS, "Handshake of 4", "Handshake of 3, as the segment it names"),
        (422, 400),
    ),
    (
        of_segments(ONE, segment(2, 3, "s1", type=HEARTBEAT)),
        Finding("segment.other-message", Kind.HEADERS, "Heartbeat of 3", "Handshake of 3, as the segment it names"),
        (422, 400),
    ),
    (
        of_segments(ONE, segment(3, 3, "s1"), segment(2, 3, "s3")),
        Finding("segment.correlation", Kind.CORRELATION, "segment 3 named", "segment 1"),
        (403, 403),
    ),
    (
        of_segments(ONE, segment(2, 3, "s1"), segment(2, 3, "s1", "again")),
        Finding("segment.double", Kind.HEADERS, "segment 2 of 3 again", "each segment once"),
        (422, 400),
    ),
    (
        [incomplete(30_000)],
        Finding(
            "segment.incomplete", Kind.MALFORMED, "this segment, and not all others", "all of them within 30000 ms"
        ),
        (422, 400),
    ),
]


@pytest.mark.parametrize(
    ("found", "expected", "statuses"), [(list(found), *rest) for found, *rest in FINDINGS], ids=lambda _: ""
)
def test_a_finding_reports_its_kind_and_words_and_decides_the_status(
    found: list[Finding], expected: Finding, statuses: tuple[int, int]
) -> None:
    assert found == [expected]
    decided = [verdict(found, profile, Policy()).status for profile in (BETTERFLEET_VECTOR, OCA_2_0)]
    assert tuple(decided) == statuses
