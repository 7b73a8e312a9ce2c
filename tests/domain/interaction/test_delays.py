"""Delays drawn from a seed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.interaction.delays import drawn_ms
from depot_sim.domain.interaction.effects import Delay, Range, Spread

LONGEST_MS = 86_400_000

SEEDS = st.integers(-(2**53), 2**53)


@given(SEEDS, st.integers(1, 10**6), st.integers(0, 10_000), st.integers(0, 10_000))
def test_uniform_delays_stay_within_their_bounds_and_repeat(seed: int, hit: int, low: int, more: int) -> None:
    delay = Delay(uniform=Range(low, low + more))

    assert low <= drawn_ms(delay, seed, 0, hit) <= low + more
    assert drawn_ms(delay, seed, 0, hit) == drawn_ms(delay, seed, 0, hit)


def test_both_bounds_of_a_uniform_delay_occur() -> None:
    assert {drawn_ms(Delay(uniform=Range(1, 3)), 7, 0, hit) for hit in range(100)} == {1, 2, 3}


def test_lognormal_delays_have_their_median_and_their_95th_percentile() -> None:
    drawn = [drawn_ms(Delay(lognormal=Spread(800, 4_000)), 7, 0, hit) for hit in range(20_000)]

    above = [sum(delay > bound for delay in drawn) / len(drawn) for bound in (800, 4_000)]
    assert above == pytest.approx([0.5, 0.05], abs=0.011), "three standard errors"


@given(SEEDS, st.integers(1, LONGEST_MS), st.integers(0, LONGEST_MS), st.integers(1, 1_000))
def test_no_delay_is_longer_than_a_day(seed: int, median_ms: int, more: int, hit: int) -> None:
    delay = Delay(lognormal=Spread(median_ms, min(LONGEST_MS, median_ms + more)))

    assert 0 <= drawn_ms(delay, seed, 0, hit) <= LONGEST_MS


def test_overrides_draw_independently() -> None:
    delay = Delay(uniform=Range(0, 10**6))

    assert drawn_ms(delay, 7, 1, 1) != drawn_ms(delay, 7, 2, 1)
