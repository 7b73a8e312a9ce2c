"""SimulationRun: one run pinned to one configuration version. It owns logical time and the world."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any

import msgspec

from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.configuration.document import DisturbanceProfile, SimulationConfigurationDocument
from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.errors import CommandRefused, Conflict, Fault, InvalidInput
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.kernel.instants import instant_of
from depot_sim.domain.kernel.noise import Noise
from depot_sim.domain.run import events as e
from depot_sim.domain.run.commands import Command
from depot_sim.domain.run.decisions import decide
from depot_sim.domain.run.world.depot import Depot
from depot_sim.domain.run.world.disturbances import TYPICAL
from depot_sim.domain.run.world.engine import Engine
from depot_sim.domain.run.world.evolve import HANDLERS, Evolution
from depot_sim.domain.run.world.initial_world import genesis
from depot_sim.domain.run.world.state import NEVER, World, state_sha256
from depot_sim.domain.run.world.tick_context import TickContext


class RunStatus(Enum):
    NOT_STARTED = "NOT_STARTED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"


class RunState:
    """What the run remembers. `evolution` holds the compiled depot and the world, once the run is started."""

    __slots__ = ("evolution", "lease_owner", "lease_token", "started", "status", "stopped_sha256")

    def __init__(self) -> None:
        self.status = RunStatus.NOT_STARTED
        self.started: e.SimulationRunStarted | None = None
        self.evolution: Evolution | None = None
        self.lease_owner = ""
        self.lease_token = 0
        self.stopped_sha256 = ""


class RunSnapshot(msgspec.Struct):
    """A fold of the run's stream, to load without reading it from its beginning."""

    started: e.SimulationRunStarted
    status: RunStatus
    world: World
    lease_owner: str
    lease_token: int
    stopped_sha256: str


def stream_of(run_id: str) -> str:
    return f"run-{run_id}"


class SimulationRun(Aggregate[RunState]):
    """Decides on ticks, commands and the life of a run."""

    __slots__ = ("_engine", "run_id")

    def __init__(self, run_id: str) -> None:
        super().__init__(stream_of(run_id), RunState())
        self.run_id = run_id
        self._engine: Engine | None = None

    @classmethod
    def restore(cls, run_id: str, snapshot: bytes, version: int) -> SimulationRun:
        """The run as it was when `snapshot()` was taken at `version`."""
        taken = _decode_snapshot(snapshot)
        run = cls(run_id)
        _started(run.state, taken.started)
        run.state.evolution = Evolution(run.depot, taken.world)
        run.state.status = taken.status
        run.state.lease_owner, run.state.lease_token = taken.lease_owner, taken.lease_token
        run.state.stopped_sha256 = taken.stopped_sha256
        run.version = version
        return run

    def snapshot(self) -> bytes:
        state = self.state
        return msgspec.json.encode(
            RunSnapshot(
                self.started, state.status, self.world, state.lease_owner, state.lease_token, state.stopped_sha256
            )
        )

    @property
    def exists(self) -> bool:
        return self.state.started is not None

    @property
    def started(self) -> e.SimulationRunStarted:
        assert self.state.started is not None, "the run has started"
        return self.state.started

    @property
    def evolution(self) -> Evolution:
        assert self.state.evolution is not None, "the run has started"
        return self.state.evolution

    @property
    def depot(self) -> Depot:
        return self.evolution.depot

    @property
    def world(self) -> World:
        return self.evolution.world

    @property
    def started_at(self) -> int:
        """Logical time 0, in ms since 1970 UTC."""
        return instant_of(datetime.fromisoformat(self.started.start_time))

    @property
    def now(self) -> int:
        """The present logical time, in ms since 1970 UTC."""
        return self.started_at + self.world.at

    @property
    def status(self) -> RunStatus:
        return self.state.status

    def start(self, started: e.SimulationRunStarted) -> None:
        if self.exists:
            raise Conflict(f"run {self.run_id} has been started already", "choose another run id")
        self.emit(started)

    def tick(self, upto: int = NEVER) -> None:
        """Advance by one tick, which ends at `upto` at the latest.

        Ticks end at whole multiples of their length since the run's start: after one that was cut short the next ends
        where it would have ended.
        """
        length = self.started.tick_ms
        self._advance(min(upto, (self.world.at // length + 1) * length))

    def command(self, command: Command) -> None:
        """Carry out a command at the present logical time, with what follows from it at once.

        A refusal halfway leaves events pending that were applied: such a run is to be dropped and loaded again.
        """
        self._require_alive()
        at = self.world.at
        stage = TickContext(self.evolution, Noise(self.started.seed), at, at)
        try:
            decide(stage, command)
        finally:
            self._adopt(stage.events)
        self._adopt(self._get_engine().react())

    def pause(self) -> None:
        self._require_alive()
        if self.status is RunStatus.PAUSED:
            raise CommandRefused(f"run {self.run_id} is paused already", "nothing needs to be done")
        self.emit(e.SimulationRunPaused(self.world.at))

    def resume(self, reason: e.ResumeReason) -> None:
        self._require_alive()
        if reason is e.ResumeReason.OPERATOR and self.status is RunStatus.RUNNING:
            raise CommandRefused(f"run {self.run_id} is running already", "nothing needs to be done")
        self.emit(e.SimulationRunResumed(self.world.at, reason))

    def stop(self) -> None:
        self._require_alive()
        self.emit(e.SimulationRunStopped(self.world.at, state_sha256(self.world)))

    def acquire_lease(self, owner: str, token: int) -> None:
        self.emit(e.RunnerLeaseAcquired(self.world.at, owner, token))

    def release_lease(self) -> None:
        self.emit(e.RunnerLeaseReleased(self.world.at, self.state.lease_token))

    def take_checkpoint(self) -> None:
        self.emit(e.RunSnapshotTaken(self.world.at, state_sha256(self.world)))

    def _advance(self, to: int) -> None:
        if self.status is not RunStatus.RUNNING:
            raise CommandRefused(f"run {self.run_id} is {self.status.value.lower()}", "resume it, or start a new run")
        self._adopt(self._get_engine().advance(to))

    def _adopt(self, events: Iterable[Event]) -> None:
        """Keep events that were applied to the world while they were decided."""
        for event in events:
            self.version += 1
            self.pending.append(event)

    def _get_engine(self) -> Engine:
        if self._engine is None:
            self._engine = Engine(self.evolution, self.started.seed, self.started.tick_ms)
        return self._engine

    def _require_alive(self) -> None:
        if self.status is RunStatus.STOPPED:
            raise CommandRefused(f"run {self.run_id} is stopped", "start a new run")


def disturbance_profile(document: SimulationConfigurationDocument, id: str) -> DisturbanceProfile | None:
    """The profile of this id: the document's own, the built-in "typical", or none for "". Raises InvalidInput."""
    if not id:
        return None
    profiles = {profile.id: profile for profile in (TYPICAL, *document.disturbance_profiles)}
    if id not in profiles:
        raise InvalidInput([Fault("/disturbances", repr(id), f"one of {', '.join(sorted(profiles))}")])
    return profiles[id]


def compile_depot(started: e.SimulationRunStarted) -> Depot:
    """The depot a run is pinned to."""
    document = Definition.recorded(bytes(started.document)).document
    start = datetime.fromisoformat(started.start_time)
    return Depot(document, start, disturbance_profile(document, started.disturbances))


def _decode_snapshot(snapshot: bytes) -> RunSnapshot:
    return msgspec.json.decode(snapshot, type=RunSnapshot)


def _started(state: RunState, event: e.SimulationRunStarted) -> None:
    depot = compile_depot(event)
    state.started = event
    state.evolution = Evolution(depot, genesis(depot))
    state.status = RunStatus.RUNNING


def _paused(state: RunState, _event: e.SimulationRunPaused) -> None:
    state.status = RunStatus.PAUSED


def _resumed(state: RunState, event: e.SimulationRunResumed) -> None:
    if event.reason is e.ResumeReason.OPERATOR:
        state.status = RunStatus.RUNNING


def _stopped(state: RunState, event: e.SimulationRunStopped) -> None:
    state.status, state.stopped_sha256 = RunStatus.STOPPED, event.state_sha256


def _lease_acquired(state: RunState, event: e.RunnerLeaseAcquired) -> None:
    state.lease_owner, state.lease_token = event.owner, event.token


def _lease_released(state: RunState, _event: e.RunnerLeaseReleased) -> None:
    state.lease_owner = ""


def _checkpoint(_state: RunState, _event: e.RunSnapshotTaken) -> None:
    """A record for replays; it changes nothing."""


def _in_the_world(handler: Callable[[Evolution, Any], None]) -> Callable[[RunState, Any], None]:
    def handle(state: RunState, event: Any) -> None:
        assert state.evolution is not None, "the run has started"
        handler(state.evolution, event)

    return handle


SimulationRun.handlers = MappingProxyType(
    {
        e.SimulationRunStarted: _started,
        e.SimulationRunPaused: _paused,
        e.SimulationRunResumed: _resumed,
        e.SimulationRunStopped: _stopped,
        e.RunnerLeaseAcquired: _lease_acquired,
        e.RunnerLeaseReleased: _lease_released,
        e.RunSnapshotTaken: _checkpoint,
        **{cls: _in_the_world(handler) for cls, handler in HANDLERS.items()},
    }
)
