"""Scenarios on the runs of a server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from depot_sim.adapters.cli.client import Client
from depot_sim.application.scenario.execution_views import ExecutionList, ExecutionSummary, ExecutionView
from depot_sim.domain.run.events import ClockMode

_SLICE_TICKS = 60
"""Of an advance in one request, so that nobody waits long without a sign."""


class RunFacts(msgspec.Struct, frozen=True):
    """What there is to know to move a run by hand."""

    clock: ClockMode
    start_time: str
    at: int
    tick_ms: int


class ScenarioSource:
    """Every method raises what the server answers, and Unreachable."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def start(self, run_id: str, request: dict[str, Any]) -> ExecutionView:
        return _view(self._client.post(f"{_path(run_id)}/scenarios", msgspec.json.encode(request)))

    def executions(self, run_id: str) -> list[ExecutionSummary]:
        return msgspec.json.decode(self._client.get(f"{_path(run_id)}/scenarios"), type=ExecutionList).scenarios

    def execution(self, run_id: str, execution_id: str) -> ExecutionView:
        return _view(self._client.get(f"{_path(run_id)}/scenarios/{quote(execution_id, safe='')}"))

    def stop(self, run_id: str, execution_id: str) -> ExecutionView:
        return _view(self._client.post(f"{_path(run_id)}/scenarios/{quote(execution_id, safe='')}/stop", b"{}"))

    def stop_run(self, run_id: str) -> None:
        self._client.post(f"{_path(run_id)}/commands/stop", b"{}")

    def run(self, run_id: str) -> RunFacts:
        return msgspec.json.decode(self._client.get(_path(run_id)), type=RunFacts)

    def advance(self, run_id: str, ticks: int, settle: str | None = None) -> Iterator[int]:
        """Move a run by whole ticks; how many are done, again and again."""
        done, manner = 0, {} if settle is None else {"settle": settle}
        while done < ticks:
            count = min(_SLICE_TICKS, ticks - done)
            asked = msgspec.json.encode({"count": count, **manner})
            self._client.post_and_wait(f"{_path(run_id)}/commands/tick", body=asked)
            done += count
            yield done


def _path(run_id: str) -> str:
    return f"/simulation-runs/{quote(run_id, safe='')}"


def _view(answer: bytes) -> ExecutionView:
    return msgspec.json.decode(answer, type=ExecutionView)
