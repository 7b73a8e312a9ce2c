"""Scenario executions as the log has them. Those of a run are numbered: one look tells whether there are any."""

from __future__ import annotations

from itertools import count

from depot_sim.application.event_log import EventLog
from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.kernel.events import decode
from depot_sim.domain.scenario.execution import ScenarioExecution
from depot_sim.domain.scenario.script_reading import ScriptReader


class StoredExecutions:
    """Reads; every method blocks."""

    def __init__(self, log: EventLog, reader: ScriptReader) -> None:
        self._log = log
        self._reader = reader

    def of_run(self, run_id: str) -> list[ScenarioExecution]:
        """The oldest first."""
        found: list[ScenarioExecution] = []
        for number in count(1):
            execution = self._load(run_id, str(number))
            if execution is None:
                break
            found.append(execution)
        return found

    def get(self, run_id: str, execution_id: str) -> ScenarioExecution:
        """Raises NotFound."""
        execution = self._load(run_id, execution_id) if execution_id.isdecimal() else None
        if execution is None:
            hint = "list the run's scenarios to see their ids"
            raise NotFound(f"run {run_id} has no scenario execution {execution_id!r}", hint)
        return execution

    def _load(self, run_id: str, execution_id: str) -> ScenarioExecution | None:
        execution = ScenarioExecution(run_id, execution_id, self._reader)
        rows = self._log.read_stream(execution.stream)
        execution.fold(decode(row.topic, row.state) for row in rows)
        return execution if rows else None
