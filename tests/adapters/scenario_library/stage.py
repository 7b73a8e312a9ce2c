"""Scenarios of the library played in memory on a small microgrid, looked at after every tick.

Nothing is sent, so that what they expect is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from depot_sim.adapters.configuration_import.formats import Format
from depot_sim.adapters.configuration_import.loading import load, parse
from depot_sim.adapters.scenario_library import ScenarioLibrary
from depot_sim.application.run.requests import StartRun
from depot_sim.application.run.start import started_run
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.scenario.binding import cast
from depot_sim.domain.scenario.execution import Done, ScenarioExecution
from tests.domain.scenario.scripts import READER

LIBRARY = ScenarioLibrary(lambda text: parse(text, Format.YAML)[1])
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000

_MICROGRID: dict[str, Any] = {
    "name": "Microgrid",
    "topology": {
        "nodes": [
            {"id": "grid", "kind": "GRID_CONNECTION", "limit": "2 MW"},
            {
                "id": "microgrid",
                "parent": "grid",
                "limit": "500 kW",
                "fail_safe_limit": "100 kW",
                "export_limit": "150 kW",
                "other_load": [{"at": "00:00", "power": "60 kW"}],
            },
            {"id": "storage", "parent": "microgrid"},
        ]
    },
    "managed_scopes": [{"id": "site", "node": "microgrid"}],
    "bess": [{"id": "battery", "node": "storage"}],
    "pv": [{"id": "roof", "node": "microgrid", "peak": "300 kW", "profile": [{"at": "00:00", "share": "80 %"}]}],
    "microgrid_controllers": [{"id": "controller", "node": "microgrid", "grace": "10 s"}],
}


class Looked(NamedTuple):
    """The run after a tick, or before the first one."""

    at: int
    run: SimulationRun


def microgrid(**controller: str) -> Definition:
    """A controller and its node, 60 kW of other load, a battery below it, sun all day."""
    changed = [_MICROGRID["microgrid_controllers"][0] | controller]
    return Definition.of(_MICROGRID | {"microgrid_controllers": changed})


@cache
def example(name: str) -> Definition:
    """A depot that comes along."""
    return load(Path(__file__).parents[3] / "examples" / f"{name}.yaml")


class Play:
    """A library scenario on a run of its own; `events` are the run's. Iterating moves it to the scenario's end."""

    def __init__(self, name: str, definition: Definition | None = None, tick_ms: int = SECOND) -> None:
        document = LIBRARY.document(name)
        request = StartRun("c", tick=tick_ms)  # type: ignore[arg-type]
        self.run = started_run("r", definition or microgrid(), 1, request)
        names = cast(READER.read(document), self.run.depot, None, {})
        self.execution = ScenarioExecution("r", "1", READER)
        self.execution.start(0, document, source=name, names=names, begins_at=0)
        self.refusals: list[str] = []

    def __iter__(self) -> Iterator[Looked]:
        run, execution = self.run, self.execution
        while True:
            self._play_what_is_due()
            yield Looked(run.world.at, run)
            if execution.is_over(run.world.at):
                execution.finish(run.world.at)
                return
            run.tick()

    def _play_what_is_due(self) -> None:
        run, execution = self.run, self.execution
        while (step := execution.next_step) is not None and execution.due_at(step) <= run.world.at:
            if step.is_world_command:
                run.command(execution.command_of(step))
            execution.applied(run.world.at, Done())

    def to_its_end(self) -> Play:
        for _ in self:
            pass
        return self

    def series(self, read: Callable[[SimulationRun], Any]) -> list[tuple[int, Any]]:
        """(logical s, value) whenever the value changes."""
        changes: list[tuple[int, Any]] = []
        for at, run in self:
            value = read(run)
            if not changes or changes[-1][1] != value:
                changes.append((at // SECOND, value))
        return changes

    def events(self, *kinds: type[Event]) -> list[Event]:
        return [event for event in self.run.pending if isinstance(event, kinds)]
