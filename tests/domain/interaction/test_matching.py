"""Patterns: which messages match, and what is said of those that do not."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.interaction.matching import Check, Condition, FieldComparison, Pattern, compare, same
from depot_sim.domain.interaction.message import Direction
from tests.domain.scenario.samples import message

BODY = {"type": "CONSUMPTION", "capacity": 500.0, "on": True, "none": None, "blocks": [1, 2], "note": "late bus"}


def condition(check: Check, operand: Any, pointer: str = "/type") -> Condition:
    return Condition(check, msgspec.Raw(json.dumps(operand).encode()), pointer)


@pytest.mark.parametrize(
    ("check", "operand", "pointer", "holds"),
    [
        (Check.EQUALS, "CONSUMPTION", "/type", True),
        (Check.EQUALS, "GENERATION", "/type", False),
        (Check.EQUALS, 500, "/capacity", True),
        (Check.EQUALS, True, "/on", True),
        (Check.EQUALS, 1, "/on", False),
        (Check.EQUALS, None, "/none", True),
        (Check.EQUALS, None, "/missing", False),
        (Check.EQUALS, [1, 2], "/blocks", True),
        (Check.EQUALS, [1, True], "/blocks", False),
        (Check.DIFFERS, "GENERATION", "/type", True),
        (Check.DIFFERS, "GENERATION", "/missing", False),
        (Check.ONE_OF, ["a", "CONSUMPTION"], "/type", True),
        (Check.ONE_OF, ["a"], "/type", False),
        (Check.AT_LEAST, 500, "/capacity", True),
        (Check.AT_LEAST, 500.1, "/capacity", False),
        (Check.AT_LEAST, "5", "/capacity", False),
        (Check.AT_LEAST, 0, "/on", False),
        (Check.AT_MOST, 500, "/capacity", True),
        (Check.AT_MOST, "D", "/type", True),
        (Check.CONTAINS, "bus", "/note", True),
        (Check.CONTAINS, 2, "/blocks", True),
        (Check.CONTAINS, 3, "/blocks", False),
        (Check.CONTAINS, "5", "/capacity", False),
        (Check.PRESENT, True, "/none", True),
        (Check.PRESENT, True, "/missing", False),
        (Check.PRESENT, False, "/missing", True),
    ],
)
def test_a_condition_holds_a_place_of_the_body_against_its_operand(
    check: Check, operand: Any, pointer: str, holds: bool
) -> None:
    assert condition(check, operand, pointer).holds(message(raw=json.dumps(BODY).encode())) is holds


def test_a_condition_can_look_at_a_header() -> None:
    second = Condition(Check.EQUALS, msgspec.Raw(b'"2"'), header="X-Segment-Index")

    assert second.holds(message(headers=(("x-segment-index", "2"),)))
    assert not second.holds(message())


@pytest.mark.parametrize("check", sorted(set(Check) - {Check.PRESENT}))
def test_in_an_unreadable_body_only_absence_holds(check: Check) -> None:
    operand = [None] if check is Check.ONE_OF else "x"

    assert not condition(check, operand, "").holds(message(raw=b"{"))
    assert condition(Check.PRESENT, False, "").holds(message(raw=b"{"))


def test_one_is_not_true_however_deep() -> None:
    assert same({"a": [1]}, {"a": [1]})
    assert not same({"a": [1]}, {"a": [True]})
    assert not same({"a": 1}, {"b": 1})


PATTERNS = st.builds(
    Pattern,
    st.none() | st.sampled_from(Direction),
    st.lists(st.sampled_from(["a", "b"]), max_size=2).map(tuple),
    st.none() | st.sampled_from(["", "c-1"]),
    st.lists(st.builds(condition, st.just(Check.EQUALS), st.sampled_from(["x", "y"])), max_size=2).map(tuple),
)


@given(
    PATTERNS,
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["inbound", "outbound"]),
    st.sampled_from(["", "c-1", "c-2"]),
    st.sampled_from([b'{"type":"x"}', b'{"type":"y"}', b"{}", b""]),
)
def test_a_message_matches_exactly_when_every_field_compared_does(
    pattern: Pattern, message_type: str, direction: str, correlation_id: str, raw: bytes
) -> None:
    exchange = message(message_type, direction, correlation_id=correlation_id, raw=raw)

    assert pattern.matches(exchange) is all(field.matched for field in compare(pattern, exchange))


def test_a_comparison_says_what_was_found_and_what_was_expected() -> None:
    pattern = Pattern(
        Direction.INBOUND,
        ("GroupCapacityComplianceError",),
        "forecast-1",
        (condition(Check.AT_LEAST, 3, "/count"), condition(Check.PRESENT, True, "/message")),
    )
    exchange = message("GroupCapacityComplianceError", correlation_id="group-1", raw=b'{"count": 2.50}')

    assert list(compare(pattern, exchange)) == [
        FieldComparison("direction", True, "inbound", "inbound"),
        FieldComparison("message_type", True, "GroupCapacityComplianceError", "GroupCapacityComplianceError"),
        FieldComparison("correlation_id", False, "group-1", "forecast-1"),
        FieldComparison("body/count", False, "2.50", "at least 3"),
        FieldComparison("body/message", False, "nothing", "something"),
    ]


def test_long_values_are_shown_from_their_beginning() -> None:
    [field] = compare(Pattern(where=(condition(Check.EQUALS, "x", ""),)), message(raw=b'"' + b"a" * 9_999 + b'"'))

    assert len(field.found) == 201
