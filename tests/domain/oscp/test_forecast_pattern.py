"""Forecasts built from a pattern."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.oscp.forecast_pattern import build
from depot_sim.domain.oscp.vocabulary import Unit
from depot_sim.domain.oscp.wire.messages import Block
from depot_sim.domain.oscp.wire.times import MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, parse_instant


def at(time: str, day: int = 2) -> int:
    read = parse_instant(f"2026-04-{day:02d}T{time}:00Z")
    assert read is not None
    return read[0]


def test_steps_follow_each_other_with_gaps_between() -> None:
    assert build("500 until 10:00, gap 15m, 300 for 1h, 0 until 12:00", at("08:07")) == (
        Block(at("08:07"), at("10:00"), 500_000),
        Block(at("10:15"), at("11:15"), 300_000),
        Block(at("11:15"), at("12:00"), 0),
    )


def test_a_time_of_day_is_the_next_such_moment() -> None:
    blocks = build("1 until 09:00, 2 until 24:00, 3 until 00:30", at("09:00"))
    assert [block.end for block in blocks] == [at("09:00", 3), at("00:00", 4), at("00:30", 4)]


def test_a_step_back_makes_blocks_that_overlap_or_lie_in_the_past() -> None:
    first, second = build("back 1h, 100 for 1h, back 30m, 50 for 1h", at("10:00"))
    assert (first.start, first.end) == (at("09:00"), at("10:00"))
    assert second.start == at("09:30")


def test_units_other_than_kw_are_named() -> None:
    blocks = build("250.5kW for 15m, 1500 W for 15m, 32 A for 1h30m", 0)
    assert [(block.capacity_milli, block.unit) for block in blocks] == [
        (250_500, Unit.KW),
        (1_500_000, Unit.W),
        (32_000, Unit.A),
    ]


def test_every_wrong_step_is_a_fault_at_its_column() -> None:
    with pytest.raises(InvalidInput) as raised:
        build("500 till 9, gap, 3 for 99999m, 4 until 24:01, back until 10:00, 5 until 10:00", 0)
    assert [(fault.column, fault.found) for fault in raised.value.faults] == [
        (1, '"500 till 9"'),
        (13, '"gap"'),
        (18, '"3 for 99999m"'),
        (32, '"4 until 24:01"'),
        (47, '"back until 10:00"'),
    ]


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "gap 15m",
        ",",
        "500",
        "500 15m",
        "500 for 1x",
        "500 until noon",
        "500 for 0m",
        "-5 for 1h",
        "1 for 1h," * 1_001,
    ],
)
def test_a_pattern_without_sound_blocks_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidInput):
        build(pattern, 0)


durations = st.integers(1, 7 * 24 * 60)
steps = st.lists(st.tuples(st.sampled_from(["block", "gap", "back"]), durations, st.integers(0, 10**6)), min_size=1)


@given(steps, st.integers(0, 10**13))
def test_blocks_lie_where_the_durations_put_them(steps: list[tuple[str, int, int]], begin: int) -> None:
    cursor, expected, words = begin, [], []
    for kind, minutes, capacity in [*steps, ("block", 1, 0)]:
        text = f"{minutes // 60}h{minutes % 60}m" if minutes < 60_000 else f"{minutes}m"
        words.append(f"{capacity} for {text}" if kind == "block" else f"{kind} {text}")
        end = cursor + (-minutes if kind == "back" else minutes) * MS_PER_MINUTE
        if kind == "block":
            expected.append(Block(cursor, end, capacity * 1_000))
        cursor = end
    assert build(", ".join(words), begin) == tuple(expected)


@given(st.integers(0, 10**13), st.integers(0, 23), st.integers(0, 59))
def test_until_never_ends_a_block_before_it_starts_nor_after_a_day(begin: int, hour: int, minute: int) -> None:
    (block,) = build(f"1 until {hour:02d}:{minute:02d}", begin)
    assert 0 < block.end - block.start <= MS_PER_DAY
    assert block.end % MS_PER_DAY == hour * MS_PER_HOUR + minute * MS_PER_MINUTE


@given(st.text(max_size=60))
def test_any_text_gives_blocks_or_faults(text: str) -> None:
    try:
        assert build(text, 0)
    except InvalidInput as refused:
        assert refused.faults  # noqa: PT017 - both ways out are right
