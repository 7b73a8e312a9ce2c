"""The life of a run: started, paused, resumed, stopped, and who holds it."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

import msgspec

from depot_sim.domain.kernel.recorded_secrets import shown_document
from depot_sim.domain.run.events.base import RunEvent


class ClockMode(Enum):
    """REALTIME: wall time drives the run, times `speed`. MANUAL: it moves only by tick and advance-to."""

    REALTIME = "REALTIME"
    MANUAL = "MANUAL"


class RunClock(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`speed_ppm` 1,000,000 is real time. A run `on_wall_time` has wall time as its logical time: it catches up.

    A run moved by hand, or in `lock_step`, waits for answers at each instant for at most `settle_ms` of wall time.
    """

    mode: ClockMode = ClockMode.MANUAL
    speed_ppm: int = 1_000_000
    on_wall_time: bool = False
    lock_step: bool = False
    settle_ms: int = 5_000


class ResumeReason(Enum):
    OPERATOR = "OPERATOR"
    RESTART = "RESTART"
    TAKEOVER = "TAKEOVER"


class SimulationRunStarted(RunEvent, frozen=True):
    """`document` is the whole configuration revision the run is pinned to, so the stream stands alone."""

    TOPIC: ClassVar[str] = "run.started.1"
    SHOWN = shown_document
    INCIDENTAL: ClassVar[tuple[str, ...]] = ("run_id", "configuration_id", "configuration_version", "clock")
    run_id: str
    configuration_id: str
    configuration_version: int
    document: msgspec.Raw
    seed: int
    start_time: str
    tick_ms: int
    clock: RunClock = RunClock()
    disturbances: str = ""


class SimulationRunPaused(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "run.paused.1"
    OPERATIONAL: ClassVar[bool] = True


class SimulationRunResumed(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "run.resumed.1"
    OPERATIONAL: ClassVar[bool] = True
    reason: ResumeReason


class SimulationRunStopped(RunEvent, frozen=True):
    """`state_sha256` is the hash of the final world: what a replay has to reach."""

    TOPIC: ClassVar[str] = "run.stopped.1"
    state_sha256: str


class RunnerLeaseAcquired(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "run.lease-acquired.1"
    OPERATIONAL: ClassVar[bool] = True
    owner: str
    token: int


class RunnerLeaseReleased(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "run.lease-released.1"
    OPERATIONAL: ClassVar[bool] = True
    token: int


class RunSnapshotTaken(RunEvent, frozen=True):
    """A checkpoint: the world at this point of the stream had this hash."""

    TOPIC: ClassVar[str] = "run.snapshot-taken.1"
    OPERATIONAL: ClassVar[bool] = True
    state_sha256: str
