"""A batch run carried out in this process: in memory, started on a store, or continued from one."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from depot_sim.adapters.cli.arguments import redacted
from depot_sim.adapters.cli.failures import Interrupted
from depot_sim.adapters.cli.interrupts import interruptible
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Store, Toolbox
from depot_sim.application.event_log import Append
from depot_sim.application.run.archive import StoredRun
from depot_sim.application.run.batch import RunSummary, finish, run_until, summarise, write_nothing
from depot_sim.application.run.batch_store import BatchPlan, BatchRun, BatchStore
from depot_sim.application.run.load_history import LoadHistory, stored_history
from depot_sim.application.run.requests import StartRun, time_at
from depot_sim.application.run.start import started_run
from depot_sim.application.run.writer import RunWriter
from depot_sim.application.scenario.batch_playing import BatchScripts, started_execution
from depot_sim.application.scenario.playing import pending_write
from depot_sim.application.scenario.stored import StoredExecutions
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.digest import RunDigest
from depot_sim.domain.run.events import SimulationRunStarted
from depot_sim.domain.scenario.execution import ScenarioExecution
from depot_sim.domain.scenario.script_reading import ScriptReader

_NOT_IN_IDS = re.compile(r"[^a-z0-9]+")


class Stopwatch:
    """CPU seconds of this process, all threads, and wall seconds; both since it was made."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def cpu_seconds(self) -> float:
        return time.process_time() - self._cpu

    def wall_seconds(self) -> float:
        return time.perf_counter() - self._wall


class Keeper(Protocol):
    """What becomes of a run's events."""

    def write(self, append: Append) -> Sequence[int]: ...

    def keep_snapshot(self, writer: RunWriter) -> None: ...

    def interrupted(self, writer: RunWriter) -> str:
        """Leave everything in order; the remark says how to go on."""

    def finished(self, writer: RunWriter) -> None: ...


class Storage(NamedTuple):
    """An open store, and the URL it was opened by."""

    toolbox: Toolbox
    store: Store
    url: str

    def runs(self) -> BatchStore:
        return BatchStore(self.store.log, self.store.leases, self.toolbox.clock, self.toolbox.owner)


class Job(NamedTuple):
    """A run that can be carried out. Without a history nobody wants to see its load."""

    batch: BatchRun
    keeper: Keeper
    history: LoadHistory | None
    scripts: BatchScripts


class Scenario(NamedTuple):
    """What is to be played from the run's start on: a sound document, where it is from, and names that are given."""

    reader: ScriptReader
    document: Any
    source: str
    names: Mapping[str, str]


class Finished(NamedTuple):
    started: SimulationRunStarted
    summary: RunSummary
    history: LoadHistory | None
    scenarios: Sequence[ScenarioExecution] = ()


def in_memory(
    definition: Definition, request: StartRun, until: int, *, watched: bool, scenario: Scenario | None = None
) -> Job:
    """Raises InvalidInput for a request that no run can follow."""
    run = _new_run(definition, request)
    batch = BatchRun(RunWriter(StoredRun(run, RunDigest()), token=0), until)
    scripts = _scripts(run, scenario)
    for execution in scripts.executions:
        execution.take_pending()
    return Job(batch, _Forgetter(), LoadHistory(run.depot) if watched else None, scripts)


def on_store(
    storage: Storage,
    definition: Definition,
    request: StartRun,
    until: int,
    *,
    watched: bool,
    scenario: Scenario | None = None,
) -> Job:
    """Raises InvalidInput, Conflict when the run exists, StoreError."""
    run = _new_run(definition, request)
    runs, scripts = storage.runs(), _scripts(run, scenario)
    begun = [pending_write(execution) for execution in scripts.executions]
    batch = runs.start(run, definition, BatchPlan("depot-sim run", until=until), begun)
    return Job(batch, _StoreKeeper(runs, storage), LoadHistory(run.depot) if watched else None, scripts)


def resumed(storage: Storage, run_id: str, until: int | None, *, watched: bool) -> Job:
    """Raises NotFound, RunHeldElsewhere, InvalidInput, StoreError."""
    runs = storage.runs()
    batch = runs.resume(run_id, until)
    history = stored_history(storage.store.log, batch.writer.run) if watched else None
    scripts = BatchScripts(StoredExecutions(storage.store.log, storage.toolbox.scripts).of_run(run_id))
    return Job(batch, _StoreKeeper(runs, storage), history, scripts)


def carry_out(job: Job, terminal: Terminal) -> Finished:
    """Tick to the end, or be interrupted between two appends. Raises Interrupted, LeaseLost, StoreError."""
    writer = job.batch.writer
    if job.batch.stopped:
        return Finished(writer.run.started, summarise(writer), job.history, job.scripts.executions)
    try:
        _tick(job, terminal)
    except Interrupted:
        raise Interrupted(f"{_stopped_at(writer.run)}; {job.keeper.interrupted(writer)}") from None
    summary = finish(writer, job.keeper.write, job.scripts)
    job.keeper.finished(writer)
    return Finished(writer.run.started, summary, job.history, job.scripts.executions)


def configuration_id(definition: Definition) -> str:
    """The same for the same document, so that a depot run twice is stored once."""
    name = _NOT_IN_IDS.sub("-", definition.document.name.lower()).strip("-") or "depot"
    return f"{name[:40]}-{definition.sha256[:12]}"


class _Forgetter:
    def write(self, append: Append) -> Sequence[int]:
        return write_nothing(append)

    def keep_snapshot(self, writer: RunWriter) -> None:
        """Nothing is kept."""

    def interrupted(self, writer: RunWriter) -> str:
        return f"run {writer.run.run_id} is not stored; with --db URL it could be continued"

    def finished(self, writer: RunWriter) -> None:
        """Nothing is held."""


class _StoreKeeper:
    def __init__(self, runs: BatchStore, storage: Storage) -> None:
        self._runs = runs
        self._storage = storage

    def write(self, append: Append) -> Sequence[int]:
        return self._runs.write(append)

    def keep_snapshot(self, writer: RunWriter) -> None:
        self._runs.keep_snapshot(writer)

    def interrupted(self, writer: RunWriter) -> str:
        self._runs.release(writer)
        name, db = self._storage.toolbox.name, redacted(self._storage.url)
        return f"go on with: {name} run --resume {writer.run.run_id} --db {db}"

    def finished(self, writer: RunWriter) -> None:
        self._runs.retire(writer)


def _new_run(definition: Definition, request: StartRun) -> SimulationRun:
    request = msgspec.structs.replace(request, configuration_id=configuration_id(definition))
    assert request.run_id is not None, "the command line names every run"
    return started_run(request.run_id, definition, 1, request)


def _scripts(run: SimulationRun, scenario: Scenario | None) -> BatchScripts:
    if scenario is None:
        return BatchScripts()
    return BatchScripts([started_execution(run, *scenario)])


def _tick(job: Job, terminal: Terminal) -> None:
    with interruptible() as check, terminal.progress("simulating") as advance:

        def progress(done: int, of: int) -> None:
            advance(done, of)
            check()

        history = job.history
        observe = history.add if history is not None else _unwatched
        keeper = job.keeper
        run_until(
            writer=job.batch.writer,
            to=job.batch.until,
            write=keeper.write,
            progress=progress,
            keep_snapshot=keeper.keep_snapshot,
            observe=observe,
            scripts=job.scripts,
        )


def _unwatched(_events: object) -> None:
    """Nobody wants to see the load."""


def _stopped_at(run: SimulationRun) -> str:
    return f"interrupted at {time_at(run.started.start_time, run.world.at)}"
