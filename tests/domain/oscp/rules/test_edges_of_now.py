"""Every rule that compares a time with now, at the last moment before the edge and at the edge."""

from __future__ import annotations

import pytest

from depot_sim.domain.oscp.rules import Context, WindowMeters, judge
from depot_sim.domain.oscp.state import SessionState
from depot_sim.domain.oscp.vocabulary import ForecastType, MeasurementConfiguration, MessageType, PublicationMode
from depot_sim.domain.oscp.wire.messages import Block, CapacityForecast, Heartbeat, Message
from tests.domain.oscp.measurements import ENERGY, asset, energy, group_report, maximum, of_assets
from tests.domain.oscp.sessions import NOW, QUARTER, TEN, published, session

GROUP, ASSET = MessageType.UPDATE_GROUP_MEASUREMENTS, MessageType.UPDATE_ASSET_MEASUREMENTS
ADJUST, HEARTBEAT = MessageType.ADJUST_GROUP_CAPACITY_FORECAST, MessageType.HEARTBEAT
END = TEN + QUARTER
METERS = WindowMeters(100_000_000, 0, 600_000)
ADJUSTED = published(session(), "f1", Block(TEN, TEN + 4 * QUARTER, 1))
BY_ASSET = session(measurement_publication_mode=PublicationMode.ASSET)
CONTINUOUS = session(measurement_configuration=MeasurementConfiguration.CONTINUOUS)


def reports(rule: str, state: SessionState, type: MessageType, message: Message, context: Context) -> bool:
    return rule in [finding.rule for finding in judge(state, type, message, "", context)]


@pytest.mark.parametrize(("offline_at", "is_past"), [(NOW - 1, True), (NOW, True), (NOW + 1, False)])
def test_a_heartbeat_is_good_beyond_now(offline_at: int, is_past: bool) -> None:
    message = Heartbeat(offline_at)
    assert reports("heartbeat.in-the-past", session(), HEARTBEAT, message, Context(NOW)) is is_past


@pytest.mark.parametrize(("end", "is_past"), [(NOW - 1, True), (NOW, True), (NOW + 1, False)])
def test_an_adjustment_whose_last_block_ends_exactly_now_is_in_the_past(end: int, is_past: bool) -> None:
    message = CapacityForecast("group-1", ForecastType.CONSUMPTION, (Block(TEN, TEN + 1, 1), Block(TEN + 1, end, 1)))
    assert reports("adjustment.in-the-past", ADJUSTED, ADJUST, message, Context(NOW)) is is_past


@pytest.mark.parametrize(("now", "is_open"), [(END - 1, True), (END, False), (END + 1, False)])
def test_a_window_that_ends_exactly_now_is_closed(now: int, is_open: bool) -> None:
    context = Context(now, METERS)
    assert reports("measurement.window-open", session(), GROUP, group_report(), context) is is_open
    reading = group_report(energy(initial_measure_time=None))
    assert reports("measurement.window-open", CONTINUOUS, GROUP, reading, context) is is_open
    highest = of_assets(asset(ENERGY, maximum(measure_time=END)))
    found = [one.pointer for one in judge(BY_ASSET, ASSET, highest, "", context) if one.rule.endswith("window-open")]
    parts = ("energy_measurement", "instantaneous_measurement")
    assert found == [f"/measurements/0/{part}/measure_time" for part in parts if is_open]


@pytest.mark.parametrize(("now", "is_compared"), [(END - 1, False), (END, True)])
def test_figures_are_compared_from_the_end_of_the_window_on(now: int, is_compared: bool) -> None:
    doubled = group_report(energy(value_milli=200_000))
    assert reports("measurement.energy", session(), GROUP, doubled, Context(now, METERS)) is is_compared
    assert reports("world.no-meters", session(), GROUP, doubled, Context(now)) is is_compared
    missed = Context(now, WindowMeters(0, 0, 0, complete=False))
    assert reports("world.window-incomplete", session(), GROUP, doubled, missed) is is_compared


@pytest.mark.parametrize(("age_ms", "is_stale"), [(59_999, False), (60_000, False), (60_001, True)])
def test_a_world_is_stale_beyond_its_longest_age(age_ms: int, is_stale: bool) -> None:
    doubled, context = group_report(energy(value_milli=200_000)), Context(NOW, METERS, age_ms)
    assert reports("world.stale", session(), GROUP, doubled, context) is is_stale
    assert reports("measurement.energy", session(), GROUP, doubled, context) is not is_stale


@pytest.mark.parametrize(("at", "is_outside"), [(TEN - 1, True), (TEN, False), (END, False), (END + 1, True)])
def test_the_highest_load_may_lie_on_either_end_of_the_window(at: int, is_outside: bool) -> None:
    message = of_assets(asset(ENERGY, maximum(measure_time=at)))
    assert reports("measurement.maximum-outside", BY_ASSET, ASSET, message, Context(NOW, METERS)) is is_outside
