"""Whether a managed scope keeps within its forecasts, in a depot."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.configuration.document import LoadStep, ManagedScope, Node, ProfileStep, PvArray
from depot_sim.domain.kernel.events import decode
from depot_sim.domain.kernel.quantities import PPM, ClockTime, Power, Share, SinceStart
from depot_sim.domain.run.commands import ApplyForecast, CapacityBlock
from depot_sim.domain.run.events import ManagedScopeBreachCleared, ManagedScopeBreachDetected
from depot_sim.domain.run.world.site.forecast import ForecastType
from depot_sim.domain.run.world.state import World
from tests.domain.run.world.depots import (
    HOUR,
    KW,
    MINUTE,
    MONDAY_MIDNIGHT,
    Simulation,
    charger,
    document,
    vehicle,
)

CONSUMPTION, GENERATION = ForecastType.CONSUMPTION, ForecastType.GENERATION


def forecast(
    *blocks: tuple[int, int, int], id: str = "f", type: ForecastType = CONSUMPTION, scope: str = "site"
) -> ApplyForecast:
    """Blocks of (first minute, minute after the last, kW)."""
    return ApplyForecast(
        managed_scope=scope,
        forecast_id=id,
        type=type,
        blocks=tuple(
            CapacityBlock(SinceStart(start * MINUTE), SinceStart(end * MINUTE), Power(kw * KW))
            for start, end, kw in blocks
        ),
    )


def site(loads_kw: list[int], **parts: Any) -> Simulation:
    """Other load on the scope's node, one figure a minute from midnight on, the last one for good."""
    steps = tuple(LoadStep(_minute(minute), Power(load * KW)) for minute, load in enumerate(loads_kw))
    return Simulation(
        document(
            nodes=[Node(id="grid"), Node(id="yard", parent="grid", other_load=steps)],
            managed_scopes=(ManagedScope(id="site", node="yard"), ManagedScope(id="whole", node="grid")),
            **parts,
        ),
        start=MONDAY_MIDNIGHT,
    )


def sunny(shares: list[int]) -> Simulation:
    """A roof of 100 kW on the scope's node with a share of that a minute from midnight on."""
    steps = tuple(ProfileStep(_minute(minute), Share(share * PPM // 100)) for minute, share in enumerate(shares))
    return site([0], pv=(PvArray(id="roof", node="yard", peak=Power(100 * KW), profile=steps),))


def _minute(minute: int) -> ClockTime:
    return ClockTime(f"{minute // 60:02}:{minute % 60:02}")


def told(simulation: Simulation) -> list[tuple[int, bool]]:
    """(minute, whether a breach was detected) of everything told about breaches."""
    events = simulation.of(ManagedScopeBreachDetected, ManagedScopeBreachCleared)
    return [(event.at // MINUTE, isinstance(event, ManagedScopeBreachDetected)) for event in events]


def expected(flows_kw: list[int], limits_kw: list[int | None]) -> list[tuple[int, bool]]:
    """The hysteresis by its definition: two ticks above by more than 1 %, five within."""
    breached, changes, since = False, [], 0
    above = [limit is not None and flow * 100 > limit * 101 for flow, limit in zip(flows_kw, limits_kw, strict=True)]
    within = [limit is None or flow <= limit for flow, limit in zip(flows_kw, limits_kw, strict=True)]
    for tick in range(len(flows_kw)):
        last_two, last_five = above[since : tick + 1][-2:], within[since : tick + 1][-5:]
        if (last_five == [True] * 5) if breached else (last_two == [True] * 2):
            breached, since = not breached, tick + 1
            changes.append((tick + 1, breached))
    return changes


def limits(blocks: list[tuple[int, int, int]], ticks: int) -> list[int | None]:
    return [next((kw for start, end, kw in blocks if start <= minute < end), None) for minute in range(ticks)]


FLOWS = st.lists(st.sampled_from([0, 50, 99, 100]), min_size=1, max_size=40)
PLANS = st.lists(
    st.tuples(st.integers(-5, 40), st.integers(1, 15), st.sampled_from([0, 49, 50, 99, 100])), min_size=1, max_size=5
).map(lambda drawn: [(start, start + length, kw) for start, length, kw in drawn])


@given(FLOWS, PLANS)
def test_import_is_held_against_the_block_that_covers_each_tick(
    flows: list[int], blocks: list[tuple[int, int, int]]
) -> None:
    simulation = site(flows)
    simulation.command(forecast(*blocks))
    simulation.advance(len(flows) * MINUTE)
    assert told(simulation) == expected(flows, limits(blocks, len(flows)))


@given(FLOWS, PLANS)
def test_export_is_held_against_a_forecast_of_generation(flows: list[int], blocks: list[tuple[int, int, int]]) -> None:
    simulation = sunny(flows)
    simulation.command(forecast(*blocks, type=GENERATION))
    simulation.advance(len(flows) * MINUTE)
    assert told(simulation) == expected(flows, limits(blocks, len(flows)))


def test_a_breach_names_the_forecast_and_leaves_the_nodes_own_limit_alone() -> None:
    simulation = site([120, 120, 120, 20])
    simulation.command(forecast((0, 60, 100), id="f-7"))
    simulation.advance(HOUR)
    assert simulation.of(ManagedScopeBreachDetected, ManagedScopeBreachCleared) == [
        ManagedScopeBreachDetected(2 * MINUTE, "site", "yard", 120 * KW, 100 * KW, "f-7", CONSUMPTION),
        ManagedScopeBreachCleared(8 * MINUTE, "site", "yard", 20 * KW, "f-7", CONSUMPTION),
    ]
    assert not simulation.node("yard").breached
    assert simulation.world.breaches == 1
    assert simulation.world.forecast_breaches("site") == [("f-7", 2 * MINUTE)]
    assert simulation.world.forecast_breaches("whole") == []


def test_export_above_the_forecast_is_told_as_a_negative_load() -> None:
    simulation = sunny([80, 80])
    simulation.command(forecast((0, 60, 50), type=GENERATION))
    simulation.advance(2 * MINUTE)
    (breach,) = simulation.of(ManagedScopeBreachDetected)
    assert (breach.load_w, breach.limit_w, breach.forecast_type) == (-80 * KW, 50 * KW, GENERATION)


def test_each_type_is_held_against_its_own_direction_only() -> None:
    simulation = site([80])
    simulation.command(forecast((0, 60, 0), type=GENERATION))
    simulation.advance(HOUR)
    assert told(simulation) == []


def test_zero_capacity_is_breached_by_any_import() -> None:
    simulation = site([1])
    simulation.command(forecast((0, 60, 0)))
    simulation.advance(5 * MINUTE)
    assert told(simulation) == [(2, True)]


def test_forecasts_of_scopes_and_types_are_watched_each_for_itself() -> None:
    simulation = site([80, 80, 80, 20])
    simulation.command(forecast((0, 60, 50), id="yard"))
    simulation.command(forecast((1, 60, 60), id="grid", scope="whole"))
    simulation.command(forecast((0, 60, 0), id="sun", type=GENERATION))
    simulation.advance(HOUR)
    seen = simulation.of(ManagedScopeBreachDetected, ManagedScopeBreachCleared)
    assert [(event.at // MINUTE, event.scope, event.node, event.forecast_id) for event in seen] == [
        (2, "site", "yard", "yard"),
        (3, "whole", "grid", "grid"),
        (8, "site", "yard", "yard"),
        (8, "whole", "grid", "grid"),
    ]


def test_the_world_does_nothing_to_keep_to_a_forecast() -> None:
    parts: dict[str, Any] = {"chargers": (charger(node="yard"),), "vehicles": (vehicle(),)}
    free, forecasted = site([0], **parts), site([0], **parts)
    forecasted.command(forecast((0, 600, 10)))
    free.advance(2 * HOUR)
    forecasted.advance(2 * HOUR)
    assert forecasted.node("yard").energy_mj == free.node("yard").energy_mj > 0
    assert told(forecasted)[0] == (2, True)


def test_a_block_may_have_begun_before_the_run() -> None:
    simulation = site([80])
    simulation.command(forecast((-15, 3, 50)))
    simulation.advance(30 * MINUTE)
    assert told(simulation) == [(2, True), (8, False)]


def test_a_tick_is_held_against_the_block_in_force_at_its_beginning() -> None:
    simulation = site([80])
    simulation.command(forecast((0, 20, 100), (20, 60, 50)))
    simulation.advance(HOUR, tick=15 * MINUTE)
    assert told(simulation) == [(60, True)]


def test_a_world_that_never_had_a_forecast_is_encoded_as_it_was_before_there_were_any() -> None:
    simulation = site([80])
    simulation.advance(MINUTE)
    assert "scopes" not in msgspec.json.decode(msgspec.json.encode(simulation.world))


def test_a_snapshot_holds_forecasts_and_their_breaches() -> None:
    simulation = site([80])
    simulation.command(forecast((0, 60, 50)))
    simulation.advance(3 * MINUTE)
    restored = msgspec.json.decode(msgspec.json.encode(simulation.world), type=World)
    assert restored == simulation.world
    assert restored.forecast_breaches("site") == [("f", 2 * MINUTE)]


def test_a_breach_recorded_before_there_were_forecasts_is_one_of_the_nodes_limit() -> None:
    old = decode("scope.breach-detected.1", b'{"at":5,"scope":"site","node":"grid","load_w":2,"limit_w":1}')
    assert old == ManagedScopeBreachDetected(5, "site", "grid", 2, 1, forecast_id="", forecast_type=None)
