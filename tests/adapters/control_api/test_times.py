"""Times in answers and queries."""

from __future__ import annotations

import pytest

from depot_sim.adapters.control_api.times import from_query, wall_time


def test_wall_time_is_rfc_3339_in_utc() -> None:
    assert wall_time(1_772_000_000_123_456) == "2026-02-25T06:13:20.123456Z"


@pytest.mark.parametrize(
    ("arrived", "meant"),
    [
        (" 90 min", "+90 min"),
        ("+90 min", "+90 min"),
        ("2026-03-02T12:00:00 10:00", "2026-03-02T12:00:00+10:00"),
        ("2026-03-02T12:00:00-10:00", "2026-03-02T12:00:00-10:00"),
        ("2026-03-02T12:00:00Z", "2026-03-02T12:00:00Z"),
    ],
)
def test_a_plus_that_became_a_space_is_a_plus_again(arrived: str, meant: str) -> None:
    assert from_query(arrived) == meant
