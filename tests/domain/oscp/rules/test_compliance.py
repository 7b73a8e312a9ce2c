"""Compliance errors against forecast and breach."""

from __future__ import annotations

import msgspec
import pytest

from depot_sim.domain.oscp.findings import Kind
from depot_sim.domain.oscp.profile import Presence
from depot_sim.domain.oscp.profiles import BETTERFLEET_VECTOR
from depot_sim.domain.oscp.rules import Context, deviations_of, forecast_meant, judge
from depot_sim.domain.oscp.state import SessionState
from depot_sim.domain.oscp.vocabulary import ForecastType, MessageType
from depot_sim.domain.oscp.wire.messages import Block, CapacityForecast, ComplianceError
from tests.domain.oscp.sessions import NOW, QUARTER, TEN, published, rules, session

COMPLIANCE = MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR
ERROR = ComplianceError("a charger does not listen")
STRICT = msgspec.structs.replace(BETTERFLEET_VECTOR, tolerated=frozenset())
SILENT = msgspec.structs.replace(BETTERFLEET_VECTOR, compliance_correlation=Presence.OPTIONAL)


def with_forecasts(state: SessionState) -> SessionState:
    published(state, "g1", Block(TEN, TEN + 4 * QUARTER, 1), type=ForecastType.GENERATION)
    return published(state, "f1", Block(TEN, TEN + 4 * QUARTER, 400_000))


def test_an_error_names_a_forecast_by_its_request_id() -> None:
    state = with_forecasts(session())
    assert rules(state, COMPLIANCE, ERROR, "f1") == []
    assert rules(state, COMPLIANCE, ERROR, "f0") == ["compliance.unknown-forecast"]
    assert rules(state, COMPLIANCE, ERROR) == ["compliance.correlation-missing"]
    assert rules(state, COMPLIANCE, None, "f0") == ["compliance.unknown-forecast"]


def test_the_group_may_stand_for_its_newest_forecast_where_that_is_tolerated() -> None:
    """The consumption forecast: what a charging depot breaches."""
    state = with_forecasts(session())
    assert rules(state, COMPLIANCE, ERROR, "group-1") == []
    assert [deviation.name for deviation in deviations_of(state, COMPLIANCE, "group-1")] == ["group-id-as-correlation"]
    assert forecast_meant(state, COMPLIANCE, ERROR, "group-1") is state.forecasts["f1"]
    assert deviations_of(state, COMPLIANCE, "f1") == ()
    assert deviations_of(state, MessageType.HEARTBEAT, "group-1") == ()
    assert rules(session(), COMPLIANCE, ERROR, "group-1") == ["compliance.unknown-forecast"]
    strict = with_forecasts(session(profile=STRICT))
    assert rules(strict, COMPLIANCE, ERROR, "group-1") == ["compliance.unknown-forecast"]
    assert deviations_of(strict, COMPLIANCE, "group-1") == ()


def test_a_profile_may_let_an_error_name_none() -> None:
    state = with_forecasts(session(profile=SILENT))
    assert rules(state, COMPLIANCE, ERROR) == []
    assert forecast_meant(state, COMPLIANCE, ERROR, "") is state.forecasts["f1"]


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ((Block(TEN, TEN + QUARTER, 1),), []),
        ((Block(TEN + 9 * QUARTER, TEN + 10 * QUARTER, 1),), ["compliance.outside-the-forecast"]),
        ((Block(TEN + 2, TEN + 1, 1),), ["block.ends-before-it-starts"]),
        ((Block(TEN, TEN + 9, 1), Block(TEN + 8, TEN + 20, 1)), ["block.overlap"]),
    ],
)
def test_blocks_lie_within_the_forecast(blocks: tuple[Block, ...], expected: list[str]) -> None:
    message = ComplianceError("no", blocks)
    assert rules(with_forecasts(session()), COMPLIANCE, message, "f1") == expected


@pytest.mark.parametrize(
    ("answered", "breached", "expected"),
    [
        ({}, {"f1": NOW}, []),
        ({}, {}, ["compliance.no-breach"]),
        ({}, None, []),
        ({"f1": TEN + 5}, {"f1": TEN + 5}, ["compliance.duplicate"]),
        ({"f1": TEN + 5}, {"f1": TEN + 6}, []),
        ({"f1": TEN + 5}, None, ["compliance.duplicate"]),
        ({"f0": TEN + 5}, None, []),
    ],
)
def test_one_breach_is_told_once(
    answered: dict[str, int], breached: dict[str, int] | None, expected: list[str]
) -> None:
    """Telling it again is recorded, not refused: the kind is NUMBERS."""
    state = with_forecasts(session(answered=answered))
    findings = judge(state, COMPLIANCE, ERROR, "f1", Context(NOW, breached=breached))
    assert [finding.rule for finding in findings] == expected
    assert {finding.kind for finding in findings} <= {Kind.NUMBERS}


@pytest.mark.parametrize(
    ("by_id", "by_group"), [(TEN + 5, TEN + 9), (TEN + 9, TEN + 5)], ids=["group last", "request id last"]
)
@pytest.mark.parametrize(
    ("breached_at", "expected"),
    [(TEN + 7, ["compliance.duplicate"]), (TEN + 9, ["compliance.duplicate"]), (TEN + 10, [])],
)
def test_a_breach_told_under_two_names_counts_from_the_last_time(
    by_id: int, by_group: int, breached_at: int, expected: list[str]
) -> None:
    """The group id stands for its newest forecast: a message by either name tells of the same breach."""
    state = with_forecasts(session(answered={"f1": by_id, "group-1": by_group}))
    context = Context(NOW, breached={"f1": breached_at})
    assert rules(state, COMPLIANCE, ERROR, "group-1", context) == expected


@pytest.mark.parametrize(
    ("first", "again", "expected"),
    [
        ("group-1", "f1", ["compliance.duplicate"]),
        ("f1", "group-1", ["compliance.duplicate"]),
        ("", "f1", ["compliance.duplicate"]),
        ("", "group-1", ["compliance.duplicate"]),
        ("group-1", "g1", []),
        ("f1", "g1", []),
        ("g1", "group-1", []),
    ],
)
def test_a_breach_told_again_under_another_name_is_told_twice(first: str, again: str, expected: list[str]) -> None:
    """The group id and no id at all mean the consumption forecast f1, never the generation forecast g1."""
    state = with_forecasts(session(profile=SILENT, answered={first: TEN + 5}))
    assert rules(state, COMPLIANCE, ERROR, again) == expected


@pytest.mark.parametrize(("told_at", "expected"), [(TEN, ["compliance.duplicate"]), (TEN - 1, [])])
def test_what_was_told_of_the_group_before_a_forecast_is_not_about_it(told_at: int, expected: list[str]) -> None:
    state = with_forecasts(session(answered={"group-1": told_at}))
    assert rules(state, COMPLIANCE, ERROR, "group-1") == expected


def test_an_adjustment_means_the_forecast_it_names_or_the_active_one_of_its_type() -> None:
    state, adjust = with_forecasts(session()), MessageType.ADJUST_GROUP_CAPACITY_FORECAST
    message = CapacityForecast("group-1", ForecastType.GENERATION, (Block(TEN, NOW, 1),))
    assert forecast_meant(state, adjust, message, "") is state.forecasts["g1"]
    assert forecast_meant(state, adjust, message, "f1") is state.forecasts["f1"]
    assert forecast_meant(state, adjust, message, "f0") is None
