"""Projector of `runs`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from depot_sim.application.event_log import Filter, Row
from depot_sim.domain.kernel.events import Event, decode
from depot_sim.domain.run import events as e
from depot_sim.projections.projector import Change, each, topics_of
from depot_sim.read_models import runs
from depot_sim.read_models.database import Database
from depot_sim.read_models.runs import Run, RunStatus

_STREAM_PREFIX = "run-"


class _Moment(msgspec.Struct):
    at: int


class _Named(msgspec.Struct):
    name: str


_moment = msgspec.json.Decoder(_Moment).decode
_named = msgspec.json.Decoder(_Named).decode


class RunsProjector:
    """Folds every run's events into its row. Ticks, by far the most, are counted without being decoded."""

    model = runs.MODEL
    where = Filter(stream_prefixes=(_STREAM_PREFIX,))

    def project(self, page: Sequence[Row], before: Database) -> Iterable[Change]:
        fold = _Fold(before)
        each(page, fold.take)
        each(fold.newest(), fold.bring_up)
        return [Change(runs.RUNS, fold.rows(), replace=True)]


class _Fold:
    def __init__(self, before: Database) -> None:
        self._before = before
        self._runs: dict[str, Run] = {}
        self._newest: dict[str, Row] = {}

    def take(self, row: Row) -> None:
        stream, topic = row.stream, row.topic
        self._newest[stream] = row
        if topic == _STARTED:
            self._runs[stream] = _started(row)
        elif topic == _TICKED:
            self._run(stream).ticks += 1
        elif topic in _TOPICS:
            event = decode(topic, row.state)
            _HANDLERS.get(type(event), _ignore)(self._run(stream), event)

    def newest(self) -> list[Row]:
        """The last event of every run."""
        return list(self._newest.values())

    def bring_up(self, newest: Row) -> None:
        run = self._run(newest.stream)
        run.version, run.updated_at = newest.version, newest.recorded_at
        run.at = _moment(newest.state).at

    def rows(self) -> list[Sequence[object]]:
        return [tuple(msgspec.to_builtins(run).values()) for run in self._runs.values()]

    def _run(self, stream: str) -> Run:
        run = self._runs.get(stream)
        if run is None:
            run = runs.get_run(self._before, stream.removeprefix(_STREAM_PREFIX))
            if run is None:
                raise LookupError(f"{stream} does not begin with {_STARTED}")
            self._runs[stream] = run
        return run


def _started(row: Row) -> Run:
    event = decode(row.topic, row.state)
    assert isinstance(event, e.SimulationRunStarted), "what its topic says"
    return Run(
        run_id=event.run_id,
        position=row.position,
        configuration_id=event.configuration_id,
        configuration_version=event.configuration_version,
        name=_named(event.document).name,
        seed=event.seed,
        status=RunStatus.RUNNING,
        start_time=event.start_time,
        tick_ms=event.tick_ms,
        clock_mode=event.clock.mode.value,
        speed_ppm=event.clock.speed_ppm,
        disturbances=event.disturbances,
        at=event.at,
        ticks=0,
        version=row.version,
        breaches=0,
        late_departures=0,
        started_at=row.recorded_at,
        updated_at=row.recorded_at,
        state_sha256="",
    )


def _ignore(*_: object) -> None:
    """Nothing of it is shown."""


def _paused(run: Run, _: e.SimulationRunPaused) -> None:
    run.status = RunStatus.PAUSED


def _resumed(run: Run, event: e.SimulationRunResumed) -> None:
    """A restart or a takeover goes on with the run as it was, paused or not."""
    if event.reason is e.ResumeReason.OPERATOR:
        run.status = RunStatus.RUNNING


def _stopped(run: Run, event: e.SimulationRunStopped) -> None:
    run.status, run.state_sha256 = RunStatus.STOPPED, event.state_sha256


def _breached(run: Run, _: e.ManagedScopeBreachDetected) -> None:
    run.breaches += 1


def _departed(run: Run, event: e.VehicleDeparted) -> None:
    run.late_departures += event.late_ms > 0


_HANDLERS: Mapping[type[Event], Callable[[Run, Any], None]] = {
    e.SimulationRunPaused: _paused,
    e.SimulationRunResumed: _resumed,
    e.SimulationRunStopped: _stopped,
    e.ManagedScopeBreachDetected: _breached,
    e.VehicleDeparted: _departed,
}
_STARTED = e.SimulationRunStarted.TOPIC
_TICKED = e.RunTicked.TOPIC
_TOPICS = frozenset(topics_of(*_HANDLERS))
