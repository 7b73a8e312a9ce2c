"""Messages that speak of what the session is not bound to."""

from __future__ import annotations

import pytest

from depot_sim.domain.oscp.findings import Kind
from depot_sim.domain.oscp.rules import Context, WindowMeters, judge
from depot_sim.domain.oscp.state import SessionState
from depot_sim.domain.oscp.vocabulary import ForecastType, MessageType, PublicationMode
from depot_sim.domain.oscp.wire.messages import Block, CapacityForecast
from tests.domain.oscp.measurements import asset_report, group_report
from tests.domain.oscp.sessions import NOW, TEN, published, session

MOST_OF_A_RULE = 20

GROUP, ASSET = MessageType.UPDATE_GROUP_MEASUREMENTS, MessageType.UPDATE_ASSET_MEASUREMENTS
METERS = Context(NOW, WindowMeters(100_000_000, 0, 600_000))


def bindings(state: SessionState, type: MessageType, message: object) -> list[tuple[str, str]]:
    """(rule, pointer) of the failed rules of the kind BINDING."""
    findings = judge(state, type, message, "", METERS)  # type: ignore[arg-type]
    return [(finding.rule, finding.pointer) for finding in findings if finding.kind is Kind.BINDING]


@pytest.mark.parametrize("mode", PublicationMode)
def test_only_the_message_of_the_publication_mode_is_taken(mode: PublicationMode) -> None:
    state = session(measurement_publication_mode=mode)
    by_group, by_asset = bindings(state, GROUP, group_report()), bindings(state, ASSET, asset_report())
    refused = [("binding.publication-mode", "")]
    assert (by_group, by_asset) == (([], refused) if mode is PublicationMode.GROUP else (refused, []))


def test_another_group_is_refused_in_every_message_that_names_one() -> None:
    state = published(session(), "f1", Block(TEN, NOW + 1, 1))
    adjustment = CapacityForecast("group-2", ForecastType.CONSUMPTION, (Block(TEN, NOW + 1, 1),))
    assert bindings(state, GROUP, group_report(group_id="group-2")) == [("binding.group", "/group_id")]
    assert bindings(state, MessageType.ADJUST_GROUP_CAPACITY_FORECAST, adjustment) == [("binding.group", "/group_id")]


def test_another_asset_is_refused_where_the_session_names_one() -> None:
    report = asset_report("depot", "roof")
    named = session(measurement_publication_mode=PublicationMode.ASSET, asset_id="depot")
    unnamed = session(measurement_publication_mode=PublicationMode.ASSET)
    assert bindings(named, ASSET, report) == [("binding.asset", "/measurements/1/asset_id")]
    assert bindings(unnamed, ASSET, report) == []


def test_of_one_rule_only_the_first_places_are_listed() -> None:
    state = session(measurement_publication_mode=PublicationMode.ASSET, asset_id="depot")
    report = asset_report(*["roof"] * (MOST_OF_A_RULE + 5))
    assert len(bindings(state, ASSET, report)) == MOST_OF_A_RULE
