"""What forecast blocks say about a moment and a stretch of time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.oscp.forecast import QUARTER_MS, block_at, covers, gaps, mean_w, next_quarter, overlaps, shifted
from depot_sim.domain.oscp.vocabulary import Phase, Unit
from depot_sim.domain.oscp.wire.messages import Block

spans = st.tuples(st.integers(0, 60), st.integers(1, 30)).map(lambda span: Block(span[0], span[0] + span[1], 1_000))
forecasts = st.lists(spans, max_size=8)


def test_a_block_holds_from_its_start_up_to_its_end() -> None:
    block = Block(100, 200, 5)
    assert [block_at((block,), at) for at in (99, 100, 199, 200)] == [None, block, block, None]


def test_of_overlapping_blocks_the_first_given_holds() -> None:
    first, second = Block(0, 100, 5), Block(50, 150, 6)
    assert block_at((first, second), 60) is first


@given(forecasts, st.integers(-5, 95))
def test_a_moment_lies_in_a_block_or_in_a_gap(blocks: list[Block], at: int) -> None:
    in_gap = any(begin <= at < end for begin, end in gaps(blocks, -10, 100))
    assert in_gap == (block_at(blocks, at) is None)


@given(forecasts)
def test_gaps_are_in_order_apart_and_within_what_was_asked_for(blocks: list[Block]) -> None:
    found = [moment for gap in gaps(blocks, -10, 100) for moment in gap]
    assert found == sorted(set(found))
    assert all(-10 <= moment <= 100 for moment in found)


def test_a_block_that_ends_before_it_starts_covers_nothing() -> None:
    assert gaps((Block(50, 40, 1), Block(10, 20, 1)), 0, 60) == ((0, 10), (20, 60))
    assert gaps((Block(0, 60, 1), Block(70, 80, 1)), 0, 60) == ()


@given(forecasts)
def test_overlaps_are_found_exactly_when_two_blocks_share_a_moment(blocks: list[Block]) -> None:
    pairs = [
        (one, other)
        for one in range(len(blocks))
        for other in range(one + 1, len(blocks))
        if covers((blocks[one],), blocks[other].start, blocks[other].end)
    ]
    found = list(overlaps(blocks))
    assert set(found) <= set(pairs)
    assert bool(found) == bool(pairs)


@pytest.mark.parametrize("other", [Block(0, 10, 1, Unit.W), Block(0, 10, 1, Unit.KW, Phase.ONE)])
def test_blocks_of_another_unit_or_phase_do_not_overlap(other: Block) -> None:
    assert list(overlaps((Block(0, 10, 1), other))) == []


def test_shifted_blocks_keep_all_but_their_times() -> None:
    block = Block(0, 10, 7, Unit.A, Phase.TWO)
    assert shifted((block,), 90) == (Block(90, 100, 7, Unit.A, Phase.TWO),)


@given(st.integers(0, 10**13))
def test_the_next_quarter_hour_is_after_now_and_within_15_minutes(at: int) -> None:
    quarter = next_quarter(at)
    assert quarter % QUARTER_MS == 0
    assert 0 < quarter - at <= QUARTER_MS


@pytest.mark.parametrize(
    ("unit", "capacity_milli", "watts"),
    [
        (Unit.W, 1_500_000, 1_500),
        (Unit.KW, 1_500, 1_500),
        (Unit.WH, 375_000, 1_500),
        (Unit.KWH, 375, 1_500),
        (Unit.A, 1_500, None),
    ],
)
def test_a_capacity_is_a_mean_power_unless_it_is_a_current(unit: Unit, capacity_milli: int, watts: int | None) -> None:
    quarter = 15 * 60_000
    assert mean_w(Block(0, quarter, capacity_milli, unit)) == watts
