"""Commands about forecasts: what they record, what they end, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from depot_sim.domain.kernel.errors import CommandRefused, DepotSimError, InvalidInput, NotFound
from depot_sim.domain.kernel.quantities import Power, SinceStart
from depot_sim.domain.run.commands import ApplyForecast, CapacityBlock, Command, WithdrawForecast
from depot_sim.domain.run.events import (
    ManagedScopeBreachCleared,
    ManagedScopeBreachDetected,
    ScopeForecastApplied,
    ScopeForecastWithdrawn,
)
from depot_sim.domain.run.world.site.forecast import ForecastBlock, ForecastType
from depot_sim.domain.run.world.state import state_sha256
from tests.domain.run.world.depots import HOUR, KW, MINUTE, Simulation
from tests.domain.run.world.site.test_forecast_watch import CONSUMPTION, GENERATION, forecast, site


def active(simulation: Simulation) -> dict[ForecastType, str]:
    scope = simulation.world.scope("site")
    assert scope is not None
    return {type: forecast.forecast_id for type, forecast in scope.forecasts.items()}


def breached(id: str = "f") -> Simulation:
    """Two minutes into a breach of 50 kW by 80 kW."""
    simulation = site([80])
    simulation.command(forecast((0, 60, 50), id=id))
    simulation.advance(4 * MINUTE)
    return simulation


def test_a_forecast_is_recorded_with_its_blocks_in_order_and_apart() -> None:
    simulation = site([0])
    simulation.advance(MINUTE)
    simulation.command(forecast((30, 60, 20), (0, 45, 10), id="f-1"))
    assert simulation.of(ScopeForecastApplied) == [
        ScopeForecastApplied(
            MINUTE,
            "site",
            "f-1",
            CONSUMPTION,
            (ForecastBlock(0, 30 * MINUTE, 10 * KW), ForecastBlock(30 * MINUTE, 60 * MINUTE, 20 * KW)),
        )
    ]


def test_a_forecast_replaces_that_of_its_type_only() -> None:
    simulation = site([0])
    simulation.command(forecast((0, 60, 10), id="a"))
    simulation.command(forecast((0, 60, 10), id="b", type=GENERATION))
    simulation.command(forecast((0, 60, 10), id="c"))
    assert active(simulation) == {CONSUMPTION: "c", GENERATION: "b"}


def test_replacing_a_breached_forecast_ends_its_breach_and_the_new_one_is_watched_anew() -> None:
    simulation = breached("old")
    simulation.command(forecast((0, 60, 60), id="new"))
    simulation.advance(10 * MINUTE)
    assert simulation.of(ManagedScopeBreachDetected, ManagedScopeBreachCleared) == [
        ManagedScopeBreachDetected(2 * MINUTE, "site", "yard", 80 * KW, 50 * KW, "old", CONSUMPTION),
        ManagedScopeBreachCleared(4 * MINUTE, "site", "yard", 80 * KW, "old", CONSUMPTION),
        ManagedScopeBreachDetected(6 * MINUTE, "site", "yard", 80 * KW, 60 * KW, "new", CONSUMPTION),
    ]
    assert simulation.world.forecast_breaches("site") == [("old", 2 * MINUTE), ("new", 6 * MINUTE)]


def test_the_same_forecast_with_other_blocks_is_a_new_one() -> None:
    simulation = breached()
    simulation.command(forecast((0, 60, 100)))
    simulation.advance(HOUR)
    assert [event.at // MINUTE for event in simulation.of(ManagedScopeBreachDetected)] == [2]


def test_withdrawing_a_breached_forecast_ends_its_breach_but_not_the_memory_of_it() -> None:
    simulation = breached("f-9")
    simulation.command(WithdrawForecast(managed_scope="site", type=CONSUMPTION))
    simulation.advance(HOUR)
    assert simulation.events[-1].at == HOUR
    assert simulation.of(ManagedScopeBreachCleared, ScopeForecastWithdrawn) == [
        ManagedScopeBreachCleared(4 * MINUTE, "site", "yard", 80 * KW, "f-9", CONSUMPTION),
        ScopeForecastWithdrawn(4 * MINUTE, "site", "f-9", CONSUMPTION),
    ]
    assert active(simulation) == {}
    assert simulation.world.forecast_breaches("site") == [("f-9", 2 * MINUTE)]


def test_a_forecast_is_withdrawn_by_its_id_only_while_it_is_the_active_one() -> None:
    simulation = site([0])
    simulation.command(forecast((0, 60, 10), id="a"))
    simulation.command(forecast((0, 60, 10), id="b"))
    with pytest.raises(CommandRefused, match="'a'"):
        simulation.command(WithdrawForecast(managed_scope="site", type=CONSUMPTION, forecast_id="a"))
    simulation.command(WithdrawForecast(managed_scope="site", type=CONSUMPTION, forecast_id="b"))
    assert active(simulation) == {}


def block(start: int, end: int) -> CapacityBlock:
    return CapacityBlock(SinceStart(start), SinceStart(end), Power(1))


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (forecast((0, 60, 50)), CommandRefused),
        (forecast((0, 60, 50), scope="elsewhere"), NotFound),
        (WithdrawForecast(managed_scope="elsewhere", type=CONSUMPTION), NotFound),
        (WithdrawForecast(managed_scope="site", type=GENERATION), CommandRefused),
        (WithdrawForecast(managed_scope="whole", type=CONSUMPTION), CommandRefused),
    ],
)
def test_what_cannot_be_done_is_refused_and_leaves_no_trace(command: Command, error: type[DepotSimError]) -> None:
    simulation = breached()
    before = state_sha256(simulation.world), len(simulation.log)
    with pytest.raises(error):
        simulation.command(command)
    assert (state_sha256(simulation.world), len(simulation.log)) == before


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"forecast_id": ""}, ["/forecast_id"]),
        ({"forecast_id": "x" * 257}, ["/forecast_id"]),
        ({"blocks": ()}, ["/blocks"]),
        ({"blocks": (block(0, 1),) * 10_001}, ["/blocks"]),
        ({"blocks": (block(5, 5), block(0, 1), block(7, 6))}, ["/blocks/0/end", "/blocks/2/end"]),
        ({"forecast_id": "", "blocks": (block(5, 4),)}, ["/forecast_id", "/blocks/0/end"]),
    ],
)
def test_every_fault_of_a_forecast_is_told_at_its_place(changes: dict[str, Any], pointers: list[str]) -> None:
    sound: dict[str, Any] = {"managed_scope": "site", "forecast_id": "f", "type": CONSUMPTION, "blocks": (block(0, 1),)}
    with pytest.raises(InvalidInput) as refused:
        site([0]).command(ApplyForecast(**sound | changes))
    assert [fault.pointer for fault in refused.value.faults] == pointers
