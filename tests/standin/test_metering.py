"""Measurement windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from depot_sim.standin.metering import last_closed_window, steady_reading


@given(st.integers(0, 10**10).map(lambda seconds: datetime.fromtimestamp(seconds / 3, UTC)))
def test_windows_are_the_clocks_quarter_hours_and_closed(now: datetime) -> None:
    start, end = last_closed_window(now, 900)
    assert end - start == timedelta(minutes=15)
    assert end <= now < end + timedelta(minutes=15)
    assert (end.minute % 15, end.second, end.microsecond) == (0, 0, 0)


def test_a_steady_load_uses_energy_in_proportion() -> None:
    reading = steady_reading(datetime(2026, 4, 2, 10, 20, tzinfo=UTC), 900, load_kw=60)
    assert (reading.energy_kwh, reading.maximum_kw) == (15, 60)
