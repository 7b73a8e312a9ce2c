"""What one tick changes, as columns of equal length: one entry per thing that changed.

`index` is the thing's place in the configuration document.
"""

from __future__ import annotations

from collections.abc import Sequence

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


class BreachColumns(msgspec.Struct, frozen=True, omit_defaults=True):
    """Nodes whose hysteresis counters moved; `part_ms` is empty while all count whole ticks."""

    index: list[int]
    ticks_over: list[int]
    ticks_under: list[int]
    part_ms: list[int] = []

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int, int, int]]) -> BreachColumns:
        index, over, under, parts = zip(*rows, strict=True)
        return cls(list(index), list(over), list(under), list(parts) if any(parts) else [])


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


class ForecastColumns(msgspec.Struct, frozen=True, omit_defaults=True):
    """Forecasts whose hysteresis counters moved, by the place of their managed scope and by type.

    `part_ms` is empty while all count whole ticks.
    """

    scope: list[int]
    type: list[ForecastType]
    ticks_over: list[int]
    ticks_under: list[int]
    part_ms: list[int] = []

    @classmethod
    def of(cls, rows: Sequence[tuple[int, ForecastType, int, int, int]]) -> ForecastColumns:
        scope, type, over, under, parts = zip(*rows, strict=True)
        return cls(list(scope), list(type), list(over), list(under), list(parts) if any(parts) else [])
