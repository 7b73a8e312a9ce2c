"""Forecasts by themselves: which block is in force when, and how long breaches are remembered."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.run.world.site.forecast import (
    MOST_REMEMBERED,
    ForecastBlock,
    ForecastType,
    ScopeState,
    block_at,
    holds_until,
    set_apart,
)

BLOCKS = st.lists(
    st.builds(
        lambda start, length, capacity_w: ForecastBlock(start, start + length, capacity_w),
        st.integers(-10, 30),
        st.integers(1, 20),
        st.integers(0, 3),
    ),
    max_size=8,
)


def first_given(blocks: list[ForecastBlock], at: int) -> int | None:
    return next((block.capacity_w for block in blocks if block.start <= at < block.end), None)


@given(BLOCKS)
def test_set_apart_the_first_given_of_overlapping_blocks_is_in_force(blocks: list[ForecastBlock]) -> None:
    apart = set_apart(blocks)
    for at in range(-12, 55):
        block = block_at(apart, at)
        assert (None if block is None else block.capacity_w) == first_given(blocks, at)
    assert all(earlier.end <= later.start for earlier, later in pairwise(apart))
    assert all(block.start < block.end for block in apart)


def test_blocks_that_do_not_overlap_stay_as_they_are() -> None:
    blocks = (ForecastBlock(0, 5, 1), ForecastBlock(5, 9, 1), ForecastBlock(12, 20, 0))
    assert set_apart(blocks[::-1]) == blocks


def test_a_block_given_first_cuts_a_later_one_in_two() -> None:
    assert set_apart([ForecastBlock(4, 6, 1), ForecastBlock(0, 10, 2)]) == (
        ForecastBlock(0, 4, 2),
        ForecastBlock(4, 6, 1),
        ForecastBlock(6, 10, 2),
    )


def test_a_gap_holds_until_the_next_block_and_the_last_gap_for_ever() -> None:
    blocks = (ForecastBlock(0, 5, 1), ForecastBlock(8, 9, 1))
    assert [holds_until(blocks, at) for at in (-3, 0, 4, 5, 7, 8, 9)] == [0, 5, 5, 8, 8, 9, None]


def test_consumption_is_import_and_generation_is_export() -> None:
    assert [type.flow_w(-7) for type in ForecastType] == [-7, 7]


def test_the_newest_breaches_are_remembered_each_forecast_once() -> None:
    scope = ScopeState()
    for at in range(MOST_REMEMBERED + 2):
        scope.remember_breach(f"f{at}", at)
    scope.remember_breach("f10", 1_000)
    assert len(scope.breaches) == MOST_REMEMBERED
    assert list(scope.breaches.items())[-2:] == [(f"f{MOST_REMEMBERED + 1}", MOST_REMEMBERED + 1), ("f10", 1_000)]
    assert "f1" not in scope.breaches
