"""What one tick changes, as columns of equal length: one entry per thing that changed.

`index` is the thing's place in the configuration document.
"""

from __future__ import annotations

import msgspec

from depot_sim.domain.run.world.site.forecast import ForecastType


class ConnectorColumns(msgspec.Struct, frozen=True):
    """Connectors whose line bent: power, register and the plugged vehicle's battery, all at the end of the tick."""

    index: list[int]
    power_w: list[int]
    auxiliary_w: list[int]
    energy_mj: list[int]
    battery_mj: list[int]


class NodeColumns(msgspec.Struct, frozen=True):
    """Nodes whose load changed: load, net and export register at the end of the tick."""

    index: list[int]
    load_w: list[int]
    other_load_w: list[int]
    energy_mj: list[int]
    exported_mj: list[int]


class BreachColumns(msgspec.Struct, frozen=True):
    """Nodes whose hysteresis counters moved."""

    index: list[int]
    ticks_over: list[int]
    ticks_under: list[int]


class ReadingColumns(msgspec.Struct, frozen=True):
    """Sensor readings taken in the tick."""

    index: list[int]
    value: list[int]


class StorageColumns(msgspec.Struct, frozen=True):
    index: list[int]
    power_w: list[int]
    stored_mj: list[int]


class GenerationColumns(msgspec.Struct, frozen=True):
    index: list[int]
    power_w: list[int]


class ForecastColumns(msgspec.Struct, frozen=True):
    """Forecasts whose hysteresis counters moved, by the place of their managed scope and by type."""

    scope: list[int]
    type: list[ForecastType]
    ticks_over: list[int]
    ticks_under: list[int]

    def add(self, scope: int, type: ForecastType, ticks_over: int, ticks_under: int) -> None:
        self.scope.append(scope)
        self.type.append(type)
        self.ticks_over.append(ticks_over)
        self.ticks_under.append(ticks_under)
