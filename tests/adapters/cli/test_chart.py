"""The load chart: it fits, it is to scale, and it shows the limit and what goes beyond it."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from depot_sim.adapters.cli.chart import load_chart
from depot_sim.application.run.load_history import LoadPoint

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = 60_000


def points(*loads_kw: int, limit_kw: int | None = None) -> list[LoadPoint]:
    limit_w = None if limit_kw is None else limit_kw * 1_000
    return [LoadPoint((index + 1) * MINUTE, load * 1_000, limit_w) for index, load in enumerate(loads_kw)]


def drawn(points: list[LoadPoint], width: int = 80, height: int = 4) -> list[str]:
    return load_chart(points, NOON, width=width, height=height).plain.splitlines()


def bars(points: list[LoadPoint], width: int = 80) -> list[str]:
    """The plot's columns, from left to right, each from the bottom up."""
    rows = [line[9:] for line in drawn(points, width)[1:-2]]
    columns = max(map(len, rows))
    return ["".join(row.ljust(columns)[column] for row in reversed(rows)) for column in range(columns)]


def test_bars_are_to_scale() -> None:
    assert bars(points(400, 200, 100, 50, 0)) == ["████", "██  ", "█   ", "▄   ", "    "]


def test_the_limit_is_a_dotted_line_where_there_is_no_load() -> None:
    assert bars(points(0, 400, limit_kw=400)) == ["   ┄", "████"]


def test_the_limit_never_hides_a_load_beyond_it() -> None:
    assert bars(points(800, 100, limit_kw=400))[0] == "████"


def test_many_points_are_shown_by_the_highest_of_each_stretch() -> None:
    loads = [0] * 700
    loads[350] = 100
    columns = bars(points(*loads), width=80)

    assert len(columns) == 70
    assert [column for column in columns if column != "    "] == ["████"]


def test_the_axes_tell_power_and_time_of_day() -> None:
    lines = drawn([LoadPoint(24 * 60 * MINUTE // 1_440 * minute, 500_000, None) for minute in range(1, 1_441)])

    assert lines[0].strip() == "kW"
    assert lines[1].startswith("    500 ┤")
    assert lines[-2].startswith("      0 └───")
    assert lines[-1].split() == ["12:00", "18:00", "00:00", "06:00", "12:00"]


@given(
    st.lists(st.tuples(st.integers(-(10**8), 10**8), st.none() | st.integers(0, 10**8)), min_size=1, max_size=300),
    st.integers(40, 120),
)
def test_any_load_fits_the_width(loads: list[tuple[int, int | None]], width: int) -> None:
    curve = [LoadPoint((index + 1) * MINUTE, load, limit) for index, (load, limit) in enumerate(loads)]

    lines = drawn(curve, width, height=8)

    assert len(lines) == 8 + 3
    assert max(map(len, lines)) <= width
