"""The effective constraint as a pure function."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from depot_sim.standin.constraint import Forecasts, Mode, Source, effective
from depot_sim.standin.forecasts import Block, Forecast, next_boundary
from depot_sim.standin.wire import ForecastType

NOON = datetime(2026, 4, 2, 12, tzinfo=UTC)

minutes = st.integers(-120, 120)
blocks = st.builds(
    lambda start, length, kw: Block(at(start), at(start + length), kw), minutes, st.integers(1, 120), st.floats(0, 1e6)
)
forecasts = st.dictionaries(
    st.sampled_from(ForecastType), st.lists(blocks, min_size=1, max_size=4).map(tuple), max_size=4
).map(lambda series: {type: Forecast("r", NOON, type, blocks) for type, blocks in series.items()})


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


@given(forecasts, st.booleans(), st.none() | st.floats(0, 1e6))
def test_the_mode_says_where_the_limits_come_from(series: Forecasts, lost: bool, safe_default_kw: float | None) -> None:
    constraint = effective(series, lost=lost, safe_default_kw=safe_default_kw, now=NOON)
    assert (constraint.mode is Mode.LOCAL) == (set(constraint.sources) == {Source.NONE})
    assert not (lost and Source.PRIMARY in constraint.sources)
    for limit in (constraint.consumption, constraint.generation):
        assert (limit.block is not None) == (limit.source in (Source.PRIMARY, Source.FALLBACK))
        assert limit.block is None or (limit.block.covers(NOON) and limit.block.kw == limit.kw)


@given(forecasts, st.booleans(), minutes)
def test_nothing_changes_before_the_next_boundary(series: Forecasts, lost: bool, start: int) -> None:
    now = at(start)
    boundary = next_boundary(series.values(), now)
    before = (boundary or now + timedelta(days=1)) - timedelta(microseconds=1)
    constraints = [effective(series, lost=lost, safe_default_kw=80, now=instant) for instant in (now, before)]
    assert constraints[0] == constraints[1]


def test_where_blocks_overlap_the_tightest_holds() -> None:
    forecast = Forecast("r", NOON, ForecastType.CONSUMPTION, (Block(at(-5), at(5), 300), Block(at(-1), at(9), 200)))
    constraint = effective({forecast.type: forecast}, lost=False, safe_default_kw=None, now=NOON)
    assert (constraint.mode, constraint.consumption.kw) == (Mode.NORMAL, 200)


def test_a_gap_of_one_direction_is_enough_for_fallback_mode() -> None:
    consumption = Forecast("r", NOON, ForecastType.CONSUMPTION, (Block(at(-5), at(5), 300),))
    generation = Forecast("r", NOON, ForecastType.GENERATION, (Block(at(5), at(10), 100),))
    series = {consumption.type: consumption, generation.type: generation}
    constraint = effective(series, lost=False, safe_default_kw=80, now=NOON)
    assert constraint.mode is Mode.FALLBACK
    assert constraint.sources == (Source.PRIMARY, Source.GAP_POLICY)
    assert constraint.generation.kw is None, "the safe default is for consumption"


def test_a_fallback_series_alone_is_for_the_day_the_connection_is_lost() -> None:
    fallback = Forecast("r", NOON, ForecastType.FALLBACK_CONSUMPTION, (Block(at(-5), at(5), 200),))
    modes = [
        effective({fallback.type: fallback}, lost=lost, safe_default_kw=80, now=NOON).mode for lost in (False, True)
    ]
    assert modes == [Mode.LOCAL, Mode.FALLBACK]
