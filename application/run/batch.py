"""A run without a server: as fast as it goes, in memory or onto a log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from depot_sim.application.event_log import Append, StreamWrite
from depot_sim.application.run.writer import RunWriter
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.kernel.quantities import MJ_PER_WH
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.world.state import NEVER

_SLICE_EVENTS = 500
Progress = Callable[[int, int], None]
Write = Callable[[Append], Sequence[int]]


class RunSummary(msgspec.Struct, frozen=True):
    """What a finished run came to. Energies are grid-side charging energy, powers the load of the tree's root."""

    run_id: str
    events: int
    canonical_sha256: str
    raw_sha256: str
    state_sha256: str
    energy_wh: int
    vehicle_steps: int
    peak_w: int
    breaches: int
    late_departures: int


def write_nothing(_append: Append) -> Sequence[int]:
    """For runs in memory: the events are encoded and hashed, and forgotten."""
    return ()


def _show_nothing(_done: int, _of: int) -> None:
    """For runs that nobody watches."""


class Scripts(Protocol):
    """What is due besides the run's own schedule."""

    def play(self, writer: RunWriter, write: Write, observe: Callable[[Sequence[Event]], None]) -> int:
        """Carry out and write what is due at the run's present; when the next step is due (logical ms)."""

    def ended(self, at: int) -> Sequence[StreamWrite]:
        """What belongs into the append that ends the run."""


class _NoScripts:
    def ended(self, at: int) -> Sequence[StreamWrite]:  # noqa: ARG002 - the port's
        return ()

    def play(self, writer: RunWriter, write: Write, observe: Callable[[Sequence[Event]], None]) -> int:  # noqa: ARG002 - the port's
        return NEVER


_NO_SCRIPTS = _NoScripts()


def _keep_nothing(_writer: RunWriter) -> None:
    """For runs in memory."""


def _observe_nothing(_events: Sequence[Event]) -> None:
    """For runs of which only the end counts."""


def run_until(
    writer: RunWriter,
    to: int,
    write: Write,
    progress: Progress = _show_nothing,
    keep_snapshot: Callable[[RunWriter], None] = _keep_nothing,
    observe: Callable[[Sequence[Event]], None] = _observe_nothing,
    scripts: Scripts = _NO_SCRIPTS,
) -> None:
    """Tick a run up to logical time `to`, writing a few hundred events at a time; durable once this returns.

    Ticking pauses where a scripted step is due; those due at `to` are done as well. `progress` is called when
    everything decided is written: an exception it raises leaves nothing half done.
    """
    run = writer.run
    while True:
        until = min(to, scripts.play(writer, write, observe))
        if run.world.at >= to:
            return
        while run.world.at < until and len(run.pending) < _SLICE_EVENTS:
            run.tick(to)
        observe(run.pending)
        write(writer.next_append())
        if writer.wants_snapshot:
            writer.wants_snapshot = False
            keep_snapshot(writer)
        progress(run.world.at, to)


def finish(writer: RunWriter, write: Write, scripts: Scripts = _NO_SCRIPTS) -> RunSummary:
    """Stop the run and sum it up."""
    run = writer.run
    run.stop()
    write(writer.next_append(beside=scripts.ended(run.world.at)))
    return summarise(writer)


def summarise(writer: RunWriter) -> RunSummary:
    run = writer.run
    return RunSummary(
        run_id=run.run_id,
        events=run.version,
        canonical_sha256=writer.digest.canonical_sha256,
        raw_sha256=writer.digest.raw_sha256,
        state_sha256=run.state.stopped_sha256,
        energy_wh=charged_mj(run) // MJ_PER_WH,
        vehicle_steps=len(run.world.vehicles) * run.world.tick,
        peak_w=run.world.peak_w,
        breaches=run.world.breaches,
        late_departures=run.world.late_departures,
    )


def charged_mj(run: SimulationRun) -> int:
    """Grid-side energy of all connectors."""
    at = run.world.at
    return sum(connector.energy_at(at) for connector in run.world.connectors)
