"""Quantities read as exact integers in base units, times of day as milliseconds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.kernel.quantities import (
    ClockTime,
    Consumption,
    Distance,
    Duration,
    Energy,
    Power,
    Quantity,
    Share,
    SignedShare,
    SinceStart,
    Temperature,
)


@pytest.mark.parametrize(
    ("kind", "text", "base"),
    [
        (Power, "3.5 MW", 3_500_000),
        (Power, "150kW", 150_000),
        (Energy, "400 kWh", 1_440_000_000_000),
        (Duration, "1.5 min", 90_000),
        (Distance, "212.5 km", 212_500_000),
        (Share, "35.1235 %", 351_235),
        (SignedShare, "-0.5 %", -5_000),
        (SinceStart, "+90 min", 5_400_000),
        (SinceStart, "-15 min", -900_000),
        (Consumption, "1.2 kWh/km", 4_320_000_000),
        (Temperature, "-5 °C", -5_000),
    ],
)
def test_a_quantity_is_an_integer_in_its_base_unit(kind: type[Quantity], text: str, base: int) -> None:
    assert kind.parse(text) == base


@pytest.mark.parametrize(
    "text", ["", "kW", "150", "150 kw", "1,5 kW", "1e3 kW", "150 kW h", "-1 kW", "٣ kW", "9007199255 MW"]
)
def test_anything_else_is_refused_with_what_would_do(text: str) -> None:
    with pytest.raises(ValueError, match='a power in W, kW, MW, such as "150 kW"'):
        Power.parse(text)


@given(st.integers(0, 10**9))
def test_no_digit_is_lost(watts: int) -> None:
    assert Power.parse(f"{watts // 1_000}.{watts % 1_000:03d} kW") == watts


@pytest.mark.parametrize(
    ("text", "ms", "since_start"),
    [
        ("05:30", 19_800_000, False),
        ("25:10", 90_600_000, False),
        ("+00:00:01", 1_000, True),
        ("+168:00", 604_800_000, True),
    ],
)
def test_a_time_of_day_counts_from_midnight_or_from_the_start(text: str, ms: int, since_start: bool) -> None:
    time = ClockTime.parse(text)

    assert (time.ms, time.since_start) == (ms, since_start)


@pytest.mark.parametrize("text", ["5", "05:60", "05:30:60", "-05:30", "05:30 ", "05.30", "12345:00", ""])
def test_a_text_that_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a time of day"):
        ClockTime.parse(text)
