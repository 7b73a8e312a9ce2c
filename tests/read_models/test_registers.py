"""The arithmetic of energy registers."""

from __future__ import annotations

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.read_models.registers import Change, Knot, Walk, mean_w, path, summed

_changes = st.lists(
    st.tuples(
        st.integers(0, 90_000), st.integers(0, 60_000), st.integers(-200_000, 200_000), st.integers(-(10**9), 10**9)
    ),
    max_size=12,
)


def chain(steps: list[tuple[int, int, int, int]]) -> list[Change]:
    """A register's rows from (time passed, bend, power, energy gained) each, at rest at first."""
    times = list(accumulate(step[0] for step in steps))
    energies = list(accumulate(step[3] if step[0] else 0 for step in steps))
    rows = [Change(t, step[1], step[2], mj) for t, step, mj in zip(times, steps, energies, strict=True)]
    return [Change(0, 0, 0, 0), *rows]


def test_a_line_holds_until_the_bend_and_goes_straight_through_it() -> None:
    rows = [Change(0, 0, 100, 0), Change(60_000, 20_000, 0, 4_500_000)]
    assert list(path(rows, 80_000)) == [
        Knot(0, 0),
        Knot(40_000, 4_000_000),
        Knot(60_000, 4_500_000),
        Knot(80_000, 4_500_000),
    ]


def test_a_bend_never_reaches_behind_the_change_before() -> None:
    rows = [Change(0, 0, 0, 0), Change(50, 50, 0, 500), Change(60, 60, 7, 700)]
    assert list(path(rows, 60)) == [Knot(0, 0), Knot(50, 500), Knot(60, 700)]


def test_of_two_changes_at_one_moment_the_later_draws_the_line() -> None:
    rows = [Change(0, 0, 5, 0), Change(10, 10, 5, 50), Change(10, 0, 0, 50)]
    assert list(path(rows, 30)) == [Knot(0, 0), Knot(10, 50), Knot(30, 50)]


def test_a_sum_bends_where_any_of_its_registers_bends() -> None:
    one, other = [Knot(0, 0), Knot(10, 100)], [Knot(0, 0), Knot(4, 40), Knot(10, 40)]
    assert list(summed([iter(one), iter(other)])) == [Knot(0, 0), Knot(4, 80), Knot(10, 140)]


@pytest.mark.parametrize(("energy", "time", "watts"), [(0, 7, 0), (10, 4, 3), (9, 4, 2), (-10, 4, -2), (-11, 4, -3)])
def test_a_mean_is_rounded_to_the_nearest_watt(energy: int, time: int, watts: int) -> None:
    assert mean_w(Knot(5, 100), Knot(5 + time, 100 + energy)) == watts


@given(steps=_changes, until=st.integers(0, 10**6))
def test_a_path_goes_forward_and_passes_through_the_last_row_of_every_moment(
    steps: list[tuple[int, int, int, int]], until: int
) -> None:
    rows = chain(steps)
    knots = list(path(rows, until))
    assert all(earlier.t < later.t for earlier, later in pairwise(knots))
    assert knots[-1].t >= until
    assert {row.at: row.energy_mj for row in rows}.items() <= {knot.t: knot.mj for knot in knots}.items()


@given(registers=st.lists(_changes, min_size=1, max_size=3), end=st.integers(1, 500_000), cut=st.data())
def test_stretches_conserve_energy_whatever_their_length(
    registers: list[list[tuple[int, int, int, int]]], end: int, cut: st.DataObject
) -> None:
    """The energies of all stretches add up to what the registers gained, each one within its least and most."""
    begin = cut.draw(st.integers(0, end - 1))
    length = cut.draw(st.integers(max(1, (end - begin) // 50), end))
    whole = Walk(summed([path(chain(steps), end) for steps in registers]))
    gained = -whole.energy(begin) + whole.energy(end)
    walk = Walk(summed([path(chain(steps), end) for steps in registers]))
    stretches = [walk.stretch(at, min(at + length, end)) for at in range(begin, end, length)]
    assert sum(stretch.end.mj - stretch.begin.mj for stretch in stretches) == gained
    assert all(earlier.end == later.begin for earlier, later in pairwise(stretches))
    slack = len(registers)  # every sum of several registers is rounded down at its knots
    for begin_knot, end_knot, least, most in stretches:
        assert least - slack <= mean_w(begin_knot, end_knot) <= most + slack
