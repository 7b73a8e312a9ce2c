"""One tick."""

from __future__ import annotations

from typing import ClassVar

from depot_sim.domain.run.columns import (
    BreachColumns,
    ConnectorColumns,
    ForecastColumns,
    GenerationColumns,
    NodeColumns,
    ReadingColumns,
    StorageColumns,
)
from depot_sim.domain.run.events.base import RunEvent


class RunTicked(RunEvent, frozen=True):
    """All continuous changes of one tick, only what changed. Discrete happenings inside the tick precede it."""

    TOPIC: ClassVar[str] = "run.ticked.1"
    connectors: ConnectorColumns | None = None
    nodes: NodeColumns | None = None
    breaches: BreachColumns | None = None
    readings: ReadingColumns | None = None
    bess: StorageColumns | None = None
    pv: GenerationColumns | None = None
    forecasts: ForecastColumns | None = None
