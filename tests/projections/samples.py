"""A small depot and its runs, and open stores to put them in: what the tests of the read side share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

import msgspec

from depot_sim.adapters.event_store import open_event_store
from depot_sim.adapters.read_store import open_read_store
from depot_sim.application.event_log import Append, EventLog, StreamWrite
from depot_sim.application.repository import pending_append
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.events import Event, encode
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.events import SimulationRunStarted
from depot_sim.projections.rebuild import catch_up
from depot_sim.read_models.database import Database
from depot_sim.read_models.schema import ReadModel
from depot_sim.read_models.store import ReadStore
from tests.projections.every_model import MODELS, PROJECTORS

MINUTE = 60_000

DEPOT: dict[str, Any] = {
    "name": "Two buses",
    "topology": {"nodes": [{"id": "grid", "limit": "200 kW"}, {"id": "yard", "parent": "grid"}]},
    "managed_scopes": [{"id": "site", "node": "yard"}],
    "vehicle_types": [{"id": "bus", "climate_control": False}],
    "vehicles": [
        {
            "id": f"bus-{n}",
            "type": "bus",
            "initial_soc": "65 %",
            "connector": connector,
            "duties": [{"id": "first", "departs": "+00:00", "returns": f"+00:0{n}", "energy": "20 kWh"}],
        }
        for n, connector in ((1, "fast/left"), (2, "fast/right"))
    ],
    "chargers": [
        {"id": "fast", "node": "yard", "connectors": [{"id": "left"}, {"id": "right"}]},
        {"id": "slow", "node": "yard"},
    ],
}


def started(run_id: str, tick_ms: int = MINUTE) -> SimulationRun:
    """A run of the depot above, not saved yet."""
    document = msgspec.Raw(Definition.of(DEPOT).document_json)
    run = SimulationRun(run_id)
    run.start(SimulationRunStarted(0, run_id, "two-buses", 3, document, 7, "2026-01-05T12:00:00+00:00", tick_ms))
    return run


def ticked(run: SimulationRun, ticks: int) -> SimulationRun:
    for _ in range(ticks):
        run.tick()
    return run


def save(log: EventLog, *runs: SimulationRun) -> int:
    """Append what is pending and return the last position."""
    return log.append(pending_append(runs))[-1]


def append(log: EventLog, stream: str, *events: Event) -> int:
    """Append events as they are, sound or not, and return the last position."""
    version = log.stream_version(stream)
    return log.append(Append([StreamWrite(stream, version, [encode(event) for event in events])]))[-1]


class Stores(NamedTuple):
    """A log and its read models."""

    url: str
    log: EventLog
    read: ReadStore

    def catch_up(self) -> None:
        for projector in PROJECTORS:
            catch_up(projector, self.log, self.read[projector.model])

    def database(self, model: ReadModel) -> Database:
        return self.read[model].database()

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything in every table, in order."""
        return {
            table.name: [row for chunk in self.read[model].rows(table) for row in chunk]
            for model in MODELS
            for table in model.tables
        }


@contextmanager
def opened(url: str) -> Iterator[Stores]:
    with open_event_store(url) as events, closing(open_read_store(url, MODELS)) as read:
        yield Stores(url, events.log, read)
