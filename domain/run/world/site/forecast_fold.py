"""How what happens to forecasts changes the world; called by the handlers of evolve.py only."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

from msgspec import UNSET

from depot_sim.domain.configuration.document import ManagedScope
from depot_sim.domain.run.columns import ForecastColumns
from depot_sim.domain.run.events import ScopeForecastApplied, ScopeForecastWithdrawn
from depot_sim.domain.run.world.site.forecast import ActiveForecast, ForecastType, ScopeState
from depot_sim.domain.run.world.state import World


def applied(world: World, event: ScopeForecastApplied) -> None:
    """In place of the scope's active forecast of this type; the watch begins anew."""
    if world.scopes is UNSET:
        world.scopes = {}
    scope = world.scopes.setdefault(event.scope, ScopeState())
    scope.forecasts[event.type] = ActiveForecast(event.forecast_id, event.blocks)


def withdrawn(world: World, event: ScopeForecastWithdrawn) -> None:
    del _scope(world, event.scope).forecasts[event.type]


def breach_detected(world: World, scope: str, type: ForecastType, at: int) -> None:
    forecast = _active(world, scope, type)
    forecast.breached = True
    _scope(world, scope).remember_breach(forecast.forecast_id, at)


def breach_cleared(world: World, scope: str, type: ForecastType) -> None:
    forecast = _active(world, scope, type)
    forecast.breached = False


def counted(world: World, scopes: Sequence[ManagedScope], columns: ForecastColumns) -> None:
    parts = columns.part_ms or repeat(0, len(columns.scope))
    rows = zip(columns.scope, columns.type, columns.ticks_over, columns.ticks_under, parts, strict=True)
    for place, type, over, under, part in rows:
        forecast = _active(world, scopes[place].id, type)
        forecast.ticks_over, forecast.ticks_under, forecast.part_ms = over, under, part or UNSET


def _active(world: World, scope: str, type: ForecastType) -> ActiveForecast:
    return _scope(world, scope).forecasts[type]


def _scope(world: World, id: str) -> ScopeState:
    scope = world.scope(id)
    assert scope is not None, "it has had a forecast"
    return scope
