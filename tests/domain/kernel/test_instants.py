"""Instants and how they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.kernel.instants import Instant, written


def test_an_instant_is_milliseconds_since_1970() -> None:
    assert Instant.parse("1970-01-02T00:00:00Z") == 86_400_000
    assert Instant.parse("2026-04-02T10:20:00.123+02:00") == Instant.parse("2026-04-02T08:20:00.123999Z")


@pytest.mark.parametrize(
    "text", ["", "2026-04-02", "2026-04-02T10:20:00", "2026-04-02 10:20:00Z", "2026-13-02T10:20:00Z", "10:20", "٢"]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="2026-04-02T10:20:00Z"):
        Instant.parse(text)


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_what_is_written_reads_the_same(at: int) -> None:
    assert Instant.parse(written(at)) == at


def test_a_time_beyond_the_calendar_is_written_as_a_number() -> None:
    assert written(10**18) == "1000000000000000000 ms since 1970"
