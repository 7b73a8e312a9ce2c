"""Reported figures against the world's own meters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.oscp.events import Policy
from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.rules import Context, WindowMeters, judge
from depot_sim.domain.oscp.vocabulary import EnergyFlow, EnergyType, MessageType, Phase, PublicationMode, Unit
from depot_sim.domain.oscp.wire.messages import AssetMeasurements, EnergyMeasurement, Message
from tests.domain.oscp.measurements import ENERGY, asset, asset_report, energy, group_report, maximum, of_assets
from tests.domain.oscp.sessions import NOW, session

KWH = 1_000_000
"""In mWh."""
METERS = WindowMeters(110 * KWH, 10 * KWH, 600_000)


def of_group(*energies: EnergyMeasurement) -> Message:
    return group_report(*energies)


def figures(
    message: Message, meters: WindowMeters | None = METERS, *, age_ms: int = 0, policy: Policy | None = None
) -> list[Finding]:
    by_asset = isinstance(message, AssetMeasurements)
    mode = PublicationMode.ASSET if by_asset else PublicationMode.GROUP
    state = session(measurement_publication_mode=mode, policy=policy or Policy())
    type = MessageType.UPDATE_ASSET_MEASUREMENTS if by_asset else MessageType.UPDATE_GROUP_MEASUREMENTS
    return list(judge(state, type, message, "", Context(NOW, meters, age_ms)))


def names(findings: list[Finding]) -> list[tuple[str, Kind]]:
    return [(finding.rule, finding.kind) for finding in findings]


def flow(direction: EnergyFlow, kwh: int, **changes: object) -> EnergyMeasurement:
    return energy(direction=direction, value_milli=kwh * 1_000, **changes)


def highest(kw: int, **changes: object) -> Message:
    return of_assets(asset(ENERGY, maximum(value_milli=kw * 1_000, **changes)))


@pytest.mark.parametrize(
    ("message", "failed"),
    [
        (of_group(ENERGY), 0),
        (of_group(flow(EnergyFlow.NET, 102)), 0),
        (of_group(flow(EnergyFlow.NET, 103)), 1),
        (of_group(flow(EnergyFlow.IMPORT, 110), flow(EnergyFlow.EXPORT, 10)), 0),
        (of_group(flow(EnergyFlow.IMPORT, 100), flow(EnergyFlow.EXPORT, 20)), 2),
        (of_group(flow(EnergyFlow.NET, 100_000, unit=Unit.WH)), 0),
        (
            of_group(
                *(
                    flow(EnergyFlow.NET, kwh, phase=phase)
                    for phase, kwh in zip(list(Phase)[1:4], (30, 30, 40), strict=True)
                )
            ),
            0,
        ),
        (of_group(flow(EnergyFlow.NET, 30, phase=Phase.ONE), flow(EnergyFlow.NET, 30, phase=Phase.TWO)), 0),
        (
            of_group(
                flow(EnergyFlow.NET, 60, energy_type=EnergyType.FLEXIBLE),
                flow(EnergyFlow.NET, 40, energy_type=EnergyType.NONFLEXIBLE),
            ),
            0,
        ),
        (
            of_group(
                flow(EnergyFlow.NET, 60, energy_type=EnergyType.FLEXIBLE),
                flow(EnergyFlow.NET, 60, energy_type=EnergyType.NONFLEXIBLE),
            ),
            1,
        ),
        (of_group(flow(EnergyFlow.NET, 60, energy_type=EnergyType.FLEXIBLE)), 0),
    ],
)
def test_energy_is_held_against_the_meters_of_its_direction(message: Message, failed: int) -> None:
    """Parts that do not make the whole prove nothing."""
    assert names(figures(message)) == [("measurement.energy", Kind.NUMBERS)] * failed


@pytest.mark.parametrize(
    ("message", "failed"),
    [
        (highest(600), 0),
        (highest(612), 0),
        (highest(613), 1),
        (highest(500), 1),
        (highest(600_000, unit=Unit.W), 0),
        (highest(600, phase=Phase.ONE), 0),
        (of_assets(asset(ENERGY, maximum(value_milli=1)), asset(None, maximum())), 0),
    ],
)
def test_the_highest_load_is_held_against_the_metered_one(message: Message, failed: int) -> None:
    assert names(figures(message)) == [("measurement.maximum", Kind.NUMBERS)] * failed


def test_a_finding_shows_both_figures() -> None:
    (finding,) = figures(of_group(flow(EnergyFlow.NET, 250)))
    assert (finding.found, finding.expected) == ("NET 250.0 kWh", "100.0 kWh as metered")
    assert finding.pointer == "/measurements/0/value"


def test_several_assets_cannot_be_held_against_the_meters_of_one_scope() -> None:
    assert figures(asset_report("a", "b"), WindowMeters(0, 0, 0)) == []


@given(st.integers(-(10**12), 10**12), st.integers(0, 10**12), st.integers(0, 100_000), st.integers(0, 10_000))
def test_a_figure_passes_within_the_tolerance_or_the_floor(
    reported_wh: int, metered_wh: int, tolerance_ppm: int, floor_wh: int
) -> None:
    policy = Policy(tolerance_ppm=tolerance_ppm, energy_floor_wh=floor_wh)
    message = of_group(energy(value_milli=reported_wh))
    off = abs(reported_wh - metered_wh)
    is_close = off <= floor_wh or off * 1_000_000 <= metered_wh * tolerance_ppm
    assert (figures(message, WindowMeters(metered_wh * 1_000, 0, 0), policy=policy) == []) == is_close


@pytest.mark.parametrize(
    ("meters", "age_ms", "expected"),
    [
        (None, 0, [("world.no-meters", Kind.STALE)]),
        (WindowMeters(0, 0, 0), 60_001, [("world.stale", Kind.STALE)]),
        (WindowMeters(0, 0, 0, complete=False), 0, [("world.window-incomplete", Kind.NUMBERS)]),
        (METERS, 60_000, []),
    ],
)
def test_a_world_that_cannot_judge_says_so(
    meters: WindowMeters | None, age_ms: int, expected: list[tuple[str, Kind]]
) -> None:
    assert names(figures(of_group(ENERGY), meters, age_ms=age_ms)) == expected


def test_a_window_that_is_not_over_is_nothing_the_world_should_know() -> None:
    later = energy(initial_measure_time=NOW, measure_time=NOW + 900_000)
    assert Kind.STALE not in [finding.kind for finding in figures(of_group(later), None)]
