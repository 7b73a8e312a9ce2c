"""The end of a tick: breaches, readings, and the one RunTicked that holds everything that changed."""

from __future__ import annotations

from collections.abc import Sequence

from depot_sim.domain.run.columns import (
    BreachColumns,
    ConnectorColumns,
    GenerationColumns,
    NodeColumns,
    ReadingColumns,
    StorageColumns,
)
from depot_sim.domain.run.events import ManagedScopeBreachCleared, ManagedScopeBreachDetected, RunTicked
from depot_sim.domain.run.world.charging.allocation import UNLIMITED
from depot_sim.domain.run.world.sensing.meters import Meters
from depot_sim.domain.run.world.site.balance import Balance
from depot_sim.domain.run.world.site.breach import Watch
from depot_sim.domain.run.world.site.forecast_watch import watch_forecasts
from depot_sim.domain.run.world.tick_context import TickContext


def record_tick(stage: TickContext, balance: Balance, meters: Meters, tick_ms: int) -> None:
    """`tick_ms` is the length of a whole tick."""
    breaches = _breaches(stage, balance, tick_ms)
    forecasts = watch_forecasts(stage, balance, tick_ms)
    stage.emit(
        RunTicked(
            stage.end,
            connectors=_connectors(stage),
            nodes=_nodes(stage, balance),
            breaches=breaches,
            readings=_readings(stage, balance, meters),
            bess=_bess(stage, balance),
            pv=_pv(stage, balance),
            forecasts=forecasts,
        )
    )


def _connectors(stage: TickContext) -> ConnectorColumns | None:
    rows = []
    for connector in sorted(stage.lines):
        line, state = stage.lines[connector], stage.world.connectors[connector]
        straight = line.energy_mj == state.energy_at(stage.end)
        if straight and line.power_w == state.power_w and line.auxiliary_w == state.auxiliary_w:
            continue
        rows.append((connector, line.power_w, line.auxiliary_w, line.energy_mj, line.battery_mj))
    return ConnectorColumns(*_columns(rows)) if rows else None


def _nodes(stage: TickContext, balance: Balance) -> NodeColumns | None:
    rows = []
    for index, node in enumerate(stage.world.nodes):
        load, energy, own = balance.load_w[index], balance.energy_mj[index], balance.own_w[index]
        bent = load != node.load_w or own != node.other_load_w or energy != node.energy_at(stage.end)
        if bent or node.touched:
            rows.append((index, load, own, energy, balance.exported_mj(index)))
    return NodeColumns(*_columns(rows)) if rows else None


def _breaches(stage: TickContext, balance: Balance, tick_ms: int) -> BreachColumns | None:
    rows = []
    for index, node in enumerate(stage.world.nodes):
        limit, load, before = balance.limits[index], balance.load_w[index], Watch.of(node)
        if limit is None:
            if before == Watch():
                continue
            limit = UNLIMITED
        seen = before.after(stage.end - stage.begin, load, limit, tick_ms)
        if seen.breached != before.breached:
            _report_breach(stage, index, load, limit, detected=seen.breached)
        if seen[1:] != before[1:]:
            rows.append((index, *seen[1:]))
    return BreachColumns.of(rows) if rows else None


def _report_breach(stage: TickContext, node: int, load_w: int, limit_w: int, *, detected: bool) -> None:
    id, scope = stage.depot.nodes[node].node.id, stage.depot.scope_of[node]
    if detected:
        stage.emit(ManagedScopeBreachDetected(stage.end, scope, id, load_w, limit_w))
    else:
        stage.emit(ManagedScopeBreachCleared(stage.end, scope, id, load_w))


def _readings(stage: TickContext, balance: Balance, meters: Meters) -> ReadingColumns | None:
    rows = meters.read(stage, balance)
    return ReadingColumns(*_columns(rows)) if rows else None


def _bess(stage: TickContext, balance: Balance) -> StorageColumns | None:
    rows = [
        (index, balance.bess_w[index], balance.stored_mj(index))
        for index, state in enumerate(stage.world.bess)
        if balance.bess_w[index] or state.power_w
    ]
    return StorageColumns(*_columns(rows)) if rows else None


def _pv(stage: TickContext, balance: Balance) -> GenerationColumns | None:
    rows = [
        (index, balance.pv_w[index])
        for index, state in enumerate(stage.world.pv)
        if balance.pv_w[index] != state.power_w
    ]
    return GenerationColumns(*_columns(rows)) if rows else None


def _columns(rows: Sequence[tuple[int, ...]]) -> list[list[int]]:
    return [list(column) for column in zip(*rows, strict=True)]
