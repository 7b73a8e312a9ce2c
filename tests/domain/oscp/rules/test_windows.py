"""The time that measurements account for."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.oscp.rules import Context, WindowMeters, metered_window, window_of
from depot_sim.domain.oscp.state import SessionState
from depot_sim.domain.oscp.vocabulary import (
    EnergyFlow,
    EnergyType,
    MeasurementConfiguration,
    MessageType,
    Phase,
    PublicationMode,
    Unit,
)
from depot_sim.domain.oscp.wire.messages import AssetMeasurement, EnergyMeasurement
from tests.domain.oscp.measurements import (
    ENERGY,
    MAXIMUM,
    asset,
    asset_report,
    energy,
    group_report,
    maximum,
    of_assets,
    window,
)
from tests.domain.oscp.sessions import NOW, QUARTER, TEN, rules, session

GROUP, ASSET = MessageType.UPDATE_GROUP_MEASUREMENTS, MessageType.UPDATE_ASSET_MEASUREMENTS
METERS = Context(NOW, WindowMeters(100_000_000, 0, 600_000))
END = TEN + QUARTER


def failed(*energies: EnergyMeasurement, state: SessionState | None = None, now: int = NOW) -> list[str]:
    context = Context(now, METERS.meters)
    return rules(state or session(), GROUP, group_report(*energies), context=context)


def continuous(last: int | None = None) -> SessionState:
    state = session(measurement_configuration=MeasurementConfiguration.CONTINUOUS)
    return _measured_to(state, last)


def intermittent(last: int | None = None) -> SessionState:
    return _measured_to(session(), last)


def _measured_to(state: SessionState, last: int | None) -> SessionState:
    if last is not None:
        state.last_window_end[GROUP.value] = last
    return state


def reading(at: int) -> EnergyMeasurement:
    return energy(measure_time=at, initial_measure_time=None)


def test_a_closed_quarter_hour_is_taken() -> None:
    assert failed(ENERGY) == []
    assert rules(session(measurement_publication_mode=PublicationMode.ASSET), ASSET, asset_report(), "", METERS) == []


@pytest.mark.parametrize(
    ("energies", "expected"),
    [
        ([reading(END)], ["measurement.initial-time-missing"]),
        ([window(END, END)], ["measurement.window-length"]),
        ([window(END, TEN)], ["measurement.window-length"]),
        ([window(TEN - QUARTER, END)], ["measurement.window-length"]),
        ([window(TEN + 1_000, END + 1_000)], ["measurement.window-alignment"]),
        ([window(END, END + QUARTER)], ["measurement.window-open"]),
        ([ENERGY, window(TEN - QUARTER, TEN)], ["measurement.window-mixed", "measurement.repeated"]),
        ([ENERGY, energy(direction=EnergyFlow.EXPORT)], []),
        ([ENERGY, ENERGY], ["measurement.repeated"]),
        ([ENERGY, energy(phase=Phase.ONE), energy(energy_type=EnergyType.FLEXIBLE)], []),
    ],
)
def test_a_window_is_one_closed_quarter_hour(energies: list[EnergyMeasurement], expected: list[str]) -> None:
    found = [rule for rule in failed(*energies) if rule not in {"measurement.energy", "world.no-meters"}]
    assert found == expected


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (None, []),
        (TEN, []),
        (END, ["measurement.window-overlap"]),
        (TEN + 1, ["measurement.window-overlap"]),
        (TEN - QUARTER, ["measurement.window-missing"]),
    ],
)
def test_a_window_begins_where_the_last_one_ended(last: int | None, expected: list[str]) -> None:
    assert failed(ENERGY, state=intermittent(last)) == expected


@given(st.lists(st.integers(0, 40), max_size=12))
def test_accepted_windows_never_overlap(places: list[int]) -> None:
    """Whatever is sent, nobody is accounted for the same moment twice, and a gap is always recorded."""
    state, taken, gaps = session(), [], 0
    for place in places:
        report = group_report(window(TEN + place * QUARTER, TEN + (place + 1) * QUARTER))
        found = rules(state, GROUP, report, context=Context(TEN + 100 * QUARTER, METERS.meters))
        assert set(found) <= {"measurement.window-overlap", "measurement.window-missing"}
        if "measurement.window-overlap" not in found:
            accounted = window_of(report)
            assert accounted is not None
            gaps += "measurement.window-missing" in found
            state.last_window_end[GROUP.value] = accounted[1]
            taken.append(place)
    assert taken == sorted(set(taken))
    assert gaps == sum(after - before > 1 for before, after in pairwise(taken))


@given(st.integers(-(10**7), 10**7), st.integers(-(10**7), 10**7))
def test_only_quarter_hours_that_are_over_pass(begin: int, length: int) -> None:
    is_right = length == QUARTER and (TEN + begin) % QUARTER == 0 and TEN + begin + length <= NOW
    found = failed(window(TEN + begin, TEN + begin + length))
    assert (not [rule for rule in found if rule.startswith("measurement.window")]) == is_right


@pytest.mark.parametrize(
    ("readings", "last", "expected"),
    [
        ([reading(TEN)], None, []),
        ([reading(TEN), reading(TEN + 60_000)], TEN - 1, []),
        ([ENERGY], None, ["measurement.initial-time-given"]),
        ([reading(TEN)], TEN, ["measurement.not-later"]),
        ([reading(TEN + 1), reading(TEN)], None, ["measurement.repeated"]),
        ([reading(NOW + 1)], None, ["measurement.window-open"]),
    ],
)
def test_readings_of_registers_that_go_on_move_forward(
    readings: list[EnergyMeasurement], last: int | None, expected: list[str]
) -> None:
    assert failed(*readings, state=continuous(last)) == expected


@pytest.mark.parametrize(
    ("assets", "expected"),
    [
        ([asset(ENERGY, None), asset(None, MAXIMUM)], []),
        ([asset(ENERGY, None)], ["measurement.maximum-missing"]),
        ([asset(None, MAXIMUM)], ["measurement.energy-missing"]),
        ([asset(None, None)], ["measurement.energy-missing", "measurement.maximum-missing"]),
        ([asset(energy(energy_type=EnergyType.FLEXIBLE), MAXIMUM)], ["measurement.energy-missing"]),
        ([asset(ENERGY, MAXIMUM, id="a"), asset(ENERGY, None, id="b")], ["measurement.maximum-missing"]),
        ([asset(ENERGY, maximum(measure_time=TEN - 1))], ["measurement.maximum-outside"]),
        ([asset(ENERGY, maximum(unit=Unit.A))], ["measurement.maximum-unit"]),
    ],
)
def test_an_asset_reports_total_energy_and_highest_load_of_the_window(
    assets: list[AssetMeasurement], expected: list[str]
) -> None:
    state = session(measurement_publication_mode=PublicationMode.ASSET)
    assert rules(state, ASSET, of_assets(*assets), "", METERS) == expected


def test_the_window_of_a_message_is_what_all_its_measurements_share() -> None:
    assert window_of(group_report(ENERGY, energy(direction=EnergyFlow.EXPORT))) == (TEN, END)
    assert window_of(group_report(ENERGY, window(TEN - QUARTER, TEN))) is None
    assert window_of(group_report(reading(TEN), reading(END))) == (TEN, END)
    assert window_of(None) is None


def test_meters_are_asked_about_whole_quarter_hours_only() -> None:
    """A window of millennia shall not be looked up."""
    assert metered_window(group_report()) == (TEN, END)
    assert metered_window(group_report(window(0, END))) is None
    assert metered_window(group_report(reading(TEN), reading(END))) is None
