"""Breach of a limit with hysteresis."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.configuration.document import LoadStep, ManagedScope, Node
from depot_sim.domain.kernel.quantities import ClockTime, Power
from depot_sim.domain.run.events import ManagedScopeBreachCleared, ManagedScopeBreachDetected, NodeLimitChanged
from depot_sim.domain.run.world.site.breach import TICKS_IN, TICKS_OUT, Watch
from tests.domain.run.world.depots import HOUR, KW, MINUTE, Simulation, charger, document, vehicle

LIMIT = 100_000


def after(loads: list[int], limit: int = LIMIT) -> list[bool]:
    seen, breached = Watch(), []
    for load in loads:
        seen = seen.after(MINUTE, load, limit, MINUTE)
        breached.append(seen.breached)
    return breached


def test_two_ticks_more_than_one_per_cent_above_make_a_breach() -> None:
    assert after([101_001, 101_001]) == [False, True]
    assert after([101_000, 101_000, 101_000]) == [False, False, False]
    assert after([101_001, 100_000, 101_001, 101_001]) == [False, False, False, True]


def test_five_ticks_within_the_limit_end_it() -> None:
    assert after([200_000] * 2 + [99_999] * 5) == [False, True, True, True, True, True, False]
    assert after([200_000] * 2 + [99_999] * 4 + [100_001] + [99_999] * 5)[-6:] == [True] * 5 + [False]


def test_just_above_the_limit_neither_begins_nor_ends_a_breach() -> None:
    assert after([100_500] * 9) == [False] * 9
    assert after([200_000] * 2 + [100_500] * 9)[1:] == [True] * 10


def test_export_is_no_breach() -> None:
    assert after([-200_000] * 5) == [False] * 5


@given(st.lists(st.integers(0, 2 * LIMIT), max_size=60))
def test_a_breach_lasts_at_least_five_ticks_and_needs_two(loads: list[int]) -> None:
    breached = [False, *after(loads)]
    for tick, (before, now) in enumerate(pairwise(breached)):
        if now and not before:
            assert all(load * 100 > LIMIT * 101 for load in loads[tick - 1 : tick + 1])
        if before and not now:
            assert all(load <= LIMIT for load in loads[tick - 4 : tick + 1])
            assert all(breached[tick - 4 : tick + 1])


TICKS = st.lists(st.tuples(st.sampled_from([90_000, 100_500, 120_000]), st.integers(1, MINUTE)), max_size=60)


@given(TICKS)
def test_ticks_of_any_length_count_by_their_time(ticks: list[tuple[int, int]]) -> None:
    """A model that knows only for how long a load has lasted."""
    seen = Watch()
    breached, lasted_ms = False, 0
    for load, length in ticks:
        seen = seen.after(length, load, LIMIT, MINUTE)
        counts = load <= LIMIT if breached else load * 100 > LIMIT * 101
        lasted_ms = lasted_ms + length if counts else 0
        if lasted_ms >= (TICKS_OUT if breached else TICKS_IN) * MINUTE:
            breached, lasted_ms = not breached, 0
        assert seen.breached is breached
        assert (seen.ticks_over + seen.ticks_under) * MINUTE + seen.part_ms == lasted_ms


@given(TICKS, st.integers(0, 60), st.integers(1, MINUTE - 1))
def test_a_tick_that_is_cut_in_two_changes_nothing(ticks: list[tuple[int, int]], place: int, first: int) -> None:
    """But for the moment at which a change is told, when it falls into the cut tick."""
    whole = cut = Watch()
    for number, (load, length) in enumerate(ticks):
        whole = whole.after(length, load, LIMIT, MINUTE)
        if number == place and first < length and whole.breached is cut.breached:
            cut = cut.after(first, load, LIMIT, MINUTE).after(length - first, load, LIMIT, MINUTE)
        else:
            cut = cut.after(length, load, LIMIT, MINUTE)
        if whole.breached is not cut.breached or whole != cut:
            assert number == place
            return


# In a depot


def overloaded(kw: int) -> Simulation:
    """Other load of `kw` from 13:00 to 14:00 under 100 kW, and a hungry bus."""
    steps = tuple(LoadStep(ClockTime(at), Power(power * KW)) for at, power in (("13:00", kw), ("14:00", 20)))
    return Simulation(
        document(
            nodes=[Node(id="grid", limit=Power(100 * KW), other_load=steps)],
            managed_scopes=(ManagedScope(id="site", node="grid"),),
            chargers=(charger(),),
            vehicles=(vehicle(),),
        )
    )


def test_other_load_above_the_limit_is_a_breach_of_the_scope_on_the_node() -> None:
    simulation = overloaded(120)
    simulation.advance(3 * HOUR)
    assert simulation.of(ManagedScopeBreachDetected, ManagedScopeBreachCleared) == [
        ManagedScopeBreachDetected(HOUR + 2 * MINUTE, "site", "grid", 120 * KW, 100 * KW),
        ManagedScopeBreachCleared(2 * HOUR + 5 * MINUTE, "site", "grid", 100 * KW),
    ]
    assert simulation.world.breaches == 1
    assert not simulation.node().breached


def test_lifting_the_limit_ends_a_breach() -> None:
    simulation = overloaded(120)
    simulation.advance(HOUR + 10 * MINUTE)
    assert simulation.node().breached
    simulation.apply(NodeLimitChanged(simulation.world.at, "grid", 200 * KW))
    simulation.advance(HOUR + 20 * MINUTE)
    assert not simulation.node().breached


def test_going_back_to_no_limit_ends_a_breach() -> None:
    steps = (LoadStep(ClockTime("00:00"), Power(50 * KW)),)
    simulation = Simulation(document(nodes=[Node(id="grid", other_load=steps)]))
    simulation.apply(NodeLimitChanged(0, "grid", 10 * KW))
    simulation.advance(5 * MINUTE)
    assert simulation.node().breached
    simulation.apply(NodeLimitChanged(simulation.world.at, "grid", None))
    simulation.advance(10 * MINUTE)
    assert not simulation.node().breached


def test_charging_alone_never_breaches() -> None:
    simulation = overloaded(0)
    simulation.advance(6 * HOUR)
    assert simulation.of(ManagedScopeBreachDetected) == []
    assert simulation.world.peak_w == 100 * KW
