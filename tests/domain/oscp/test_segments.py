"""Messages in segments, put together whatever the order and whichever segment each names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.segments import Added, Place, Segment, Whole, add, expired, incomplete, place_of
from depot_sim.domain.oscp.vocabulary import MessageType

ADJUST = MessageType.ADJUST_GROUP_CAPACITY_FORECAST
MOST_BYTES = 1_000


def segment(index: int, count: int, names: str = "", *, id: str = "", body: bytes = b"", at: int = 0) -> Segment:
    return Segment(ADJUST, id or f"r{index}", names, Place(index, count), body or str(index).encode(), at)


def put(*segments: Segment) -> Added:
    """All segments, one after the other."""
    added = Added(())
    for one in segments:
        added = add(added.waiting, one, MOST_BYTES)
    return added


def rules(added: Added) -> str | None:
    return None if added.finding is None else added.finding.rule


@pytest.mark.parametrize(
    ("index", "count", "place"),
    [("", "", None), ("1", "1", Place(1, 1)), ("2", "3", Place(2, 3)), ("100", "100", Place(100, 100))],
)
def test_the_headers_tell_the_place(index: str, count: str, place: Place | None) -> None:
    assert place_of(index, count) == place


@pytest.mark.parametrize(
    ("index", "count", "rule"),
    [
        ("1", "", "segment.header-missing"),
        ("", "2", "segment.header-missing"),
        ("0", "2", "segment.index"),
        ("3", "2", "segment.index"),
        ("one", "2", "segment.index"),
        ("1", "0", "segment.count"),
        ("1", "101", "segment.count"),
        ("1", "-2", "segment.count"),
        ("1", "9" * 5_000, "segment.count"),
    ],
)
def test_headers_that_tell_no_place_are_a_finding(index: str, count: str, rule: str) -> None:
    found = place_of(index, count)
    assert isinstance(found, Finding)
    assert (found.rule, found.kind) == (rule, Kind.HEADERS)


def test_a_single_segment_is_whole_at_once() -> None:
    assert put(segment(1, 1, "forecast-7")) == Added((), Whole("r1", "forecast-7", b"1", ("r1",)))


@given(st.integers(2, 6), st.data())
def test_segments_in_any_order_make_the_body_that_was_split(count: int, data: st.DataObject) -> None:
    """Each later one names the first or the one before it, as it likes; another message's parts wait among them."""
    parts = data.draw(st.lists(st.binary(max_size=8), min_size=count, max_size=count))
    own = [Segment(ADJUST, "r1", "forecast-7", Place(1, count), parts[0], 0)]
    for index in range(2, count + 1):
        names = data.draw(st.sampled_from(["r1", f"r{index - 1}"]))
        own.append(Segment(ADJUST, f"r{index}", names, Place(index, count), parts[index - 1], 0))
    other = [segment(1, count, id="other"), segment(2, count + 1, "other", id="o2")]
    order = data.draw(st.permutations([*own, other[0]]))
    wholes, added = [], Added(())
    for one in order:
        added = add(added.waiting, one, MOST_BYTES)
        assert added.finding is None
        wholes += [added.whole] if added.whole else []
    assert wholes == [Whole("r1", "forecast-7", b"".join(parts), tuple(one.request_id for one in own))]
    assert added.waiting == (other[0],)


def test_a_missing_segment_keeps_the_others_waiting_until_they_expire() -> None:
    waiting = put(segment(1, 3, at=100), segment(3, 3, "r1", at=200)).waiting
    assert [one.place.index for one in waiting] == [1, 3]
    assert expired(waiting, 1_099, 1_000) == ()
    assert expired(waiting, 1_100, 1_000) == waiting[:1]
    assert expired(waiting, 1_200, 1_000) == waiting
    finding = incomplete(1_000)
    assert (finding.rule, finding.kind) == ("segment.incomplete", Kind.MALFORMED)


@pytest.mark.parametrize(
    ("segments", "rule"),
    [
        ((segment(1, 3), segment(2, 3, "r1"), segment(2, 3, "r1", id="again")), "segment.double"),
        ((segment(1, 3), segment(2, 3, "r1"), segment(3, 3, "r2"), segment(1, 3)), None),
        ((segment(1, 3), segment(1, 3)), "segment.double"),
        ((segment(3, 3, "r1"), segment(3, 3, "r1", id="again")), "segment.double"),
        ((segment(1, 4), segment(2, 4, "r1"), segment(3, 4, "r1"), segment(3, 4, "r2", id="again")), "segment.double"),
        ((segment(1, 3), segment(2, 4, "r1")), "segment.other-message"),
        ((segment(1, 3), segment(2, 3)), "segment.correlation-missing"),
        ((segment(1, 4), segment(2, 4, "r1"), segment(4, 4, "r2")), "segment.correlation"),
        ((segment(1, 2), segment(2, 2, "r1", body=b"x" * MOST_BYTES)), "segment.too-large"),
    ],
)
def test_a_segment_that_does_not_fit_is_refused(segments: tuple[Segment, ...], rule: str | None) -> None:
    assert rules(put(*segments)) == rule


def test_a_refused_segment_leaves_the_others_waiting() -> None:
    first = segment(1, 2)
    assert put(first, segment(2, 2)).waiting == (first,)


def test_a_segment_of_another_type_does_not_complete_the_message() -> None:
    other = Segment(MessageType.UPDATE_GROUP_MEASUREMENTS, "r2", "r1", Place(2, 2), b"2", 0)
    assert rules(put(segment(1, 2), other)) == "segment.other-message"
