"""Whether managed scopes keep within their active forecasts, with the hysteresis of breach.py.

A tick is held against the block in force at its beginning: that is from where on all loads of the tick were set.
"""

from __future__ import annotations

from msgspec import UNSET

from depot_sim.domain.run.columns import ForecastColumns
from depot_sim.domain.run.events import ManagedScopeBreachCleared, ManagedScopeBreachDetected
from depot_sim.domain.run.world.charging.allocation import UNLIMITED
from depot_sim.domain.run.world.site.balance import Balance
from depot_sim.domain.run.world.site.breach import Watch
from depot_sim.domain.run.world.site.forecast import ActiveForecast, ForecastType, block_at
from depot_sim.domain.run.world.tick_context import TickContext


def watch_forecasts(stage: TickContext, balance: Balance, tick_ms: int) -> ForecastColumns | None:
    """Report breaches that begin or end with this tick; the counters that moved. A whole tick is `tick_ms` long."""
    if stage.world.scopes is UNSET:
        return None
    rows = []
    for id, state in stage.world.scopes.items():
        place = stage.depot.scope_index[id]
        for type, forecast in state.forecasts.items():
            before = Watch.of(forecast)
            seen = _watch(stage, balance, place, type, forecast, tick_ms)
            if seen[1:] != before[1:]:
                rows.append((place, type, *seen[1:]))
    return ForecastColumns.of(rows) if rows else None


def _watch(
    stage: TickContext,
    balance: Balance,
    place: int,
    type: ForecastType,
    forecast: ActiveForecast,
    tick_ms: int,
) -> Watch:
    """After this tick."""
    scope = stage.depot.scopes[place]
    load_w = balance.load_w[stage.depot.node_index[scope.node]]
    block = block_at(forecast.blocks, stage.begin)
    limit_w = UNLIMITED if block is None else block.capacity_w
    seen = Watch.of(forecast).after(stage.end - stage.begin, type.flow_w(load_w), limit_w, tick_ms)
    if seen.breached != forecast.breached:
        where, which = (stage.end, scope.id, scope.node, load_w), (forecast.forecast_id, type)
        if seen.breached:
            stage.emit(ManagedScopeBreachDetected(*where, limit_w, *which))
        else:
            stage.emit(ManagedScopeBreachCleared(*where, *which))
    return seen
