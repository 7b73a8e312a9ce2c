"""Noise as a function of (seed, stream, index)."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.kernel.noise import SIGMA, Noise
from depot_sim.domain.kernel.quantities import PPM

DRAWS = 20_000
MINUTE = 60_000


def test_normal_draws_have_mean_zero_deviation_one_and_normal_tails() -> None:
    noise = Noise(7)
    draws = [noise.normal("a", index) / SIGMA for index in range(DRAWS)]
    assert abs(fmean(draws)) < 0.025
    assert abs(pstdev(draws) - 1) < 0.02
    assert abs(fmean(draw**3 for draw in draws)) < 0.06
    assert fmean(draw**4 for draw in draws) == pytest.approx(2.9, abs=0.15)  # twelve uniforms: a little below three
    assert fmean(abs(draw) < 1 for draw in draws) == pytest.approx(0.683, abs=0.015)
    assert fmean(abs(draw) > 2 for draw in draws) == pytest.approx(0.0455, abs=0.006)
    assert max(map(abs, draws)) <= 6


def test_neighbouring_draws_and_streams_are_uncorrelated() -> None:
    noise = Noise(7)
    a = [noise.normal("a", index) / SIGMA for index in range(DRAWS)]
    b = [noise.normal("b", index) / SIGMA for index in range(DRAWS)]
    assert abs(fmean(x * y for x, y in zip(a, b, strict=True))) < 0.03
    assert abs(fmean(x * y for x, y in pairwise(a))) < 0.03


def test_uniform_draws_fill_their_range_evenly() -> None:
    noise = Noise(1)
    counts = [0] * 10
    for index in range(DRAWS):
        counts[noise.uniform("u", index, 10)] += 1
    assert min(counts) > DRAWS * 0.09
    assert max(counts) < DRAWS * 0.11


@pytest.mark.parametrize(("probability", "expected"), [(0, 0), (PPM, DRAWS), (PPM // 4, DRAWS // 4)])
def test_something_happens_as_often_as_its_probability_says(probability: int, expected: int) -> None:
    noise = Noise(2)
    happened = sum(noise.happens("h", index, probability) for index in range(DRAWS))
    assert happened == pytest.approx(expected, abs=DRAWS * 0.01 if 0 < expected < DRAWS else 0)


@pytest.mark.parametrize(("median", "p95"), [(3 * MINUTE, 15 * MINUTE), (10 * MINUTE, 12 * MINUTE)])
def test_delays_have_the_median_and_the_95th_percentile_they_were_asked_for(median: int, p95: int) -> None:
    noise = Noise(3)
    delays = sorted(noise.lognormal("late", index, median, p95) for index in range(DRAWS))
    assert delays[DRAWS // 2] == pytest.approx(median, rel=0.03)
    assert delays[DRAWS * 95 // 100] == pytest.approx(p95, rel=0.05)
    assert delays[0] > 0
    assert delays[-1] <= p95**2 // median


@given(
    st.integers(-(2**127), 2**127 - 1),
    st.lists(st.tuples(st.text(max_size=20), st.integers(0, 2**40)), min_size=2, max_size=8),
    st.randoms(use_true_random=False),
)
def test_draws_do_not_depend_on_order_or_on_other_draws(
    seed: int, asked: list[tuple[str, int]], shuffler: Random
) -> None:
    one, other = Noise(seed), Noise(seed)
    in_order = {key: (one.normal(*key), one.uniform(*key, 1_000)) for key in asked}
    shuffler.shuffle(asked)
    assert {key: (other.normal(*key), other.uniform(*key, 1_000)) for key in asked} == in_order


def test_seed_stream_and_index_all_matter() -> None:
    draws = {Noise(1).normal("a", 0), Noise(2).normal("a", 0), Noise(1).normal("b", 0), Noise(1).normal("a", 1)}
    assert len(draws) == 4


def test_the_same_seed_draws_the_same_numbers_on_every_python() -> None:
    noise = Noise(7)
    assert [noise.normal("gain/m1", index) for index in range(4)] == [97_328, 599, -30_001, 46_664]
    assert [noise.uniform("charger/c1", index, PPM) for index in range(4)] == [430_096, 600_426, 95_444, 448_771]
    delays = [noise.lognormal("late/b1/0", index, 3 * MINUTE, 15 * MINUTE) for index in range(4)]
    assert delays == [569_105, 443_430, 424_211, 819_180]
