"""A run's first event, from a configuration version and what the caller asked for."""

from __future__ import annotations

import msgspec

from depot_sim.application.clock import Clock
from depot_sim.application.run.requests import StartRun, before_now, check_start, run_clock, start_at
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.run.aggregate import SimulationRun, disturbance_profile
from depot_sim.domain.run.events import SimulationRunStarted

_VEHICLE_BYTES = 12_000
"""Of memory for each vehicle of a run: the world, its first snapshot, its readings and the rows of read models."""
_DOCUMENT_BYTES = 20
"""Of memory for each byte of the definition, which the run's first event holds and every reader of it parses."""


def run_cost(definition: Definition) -> int:
    """How many bytes of memory a run of this depot takes at most; an estimate (tests/e2e/test_memory_limit.py)."""
    return _VEHICLE_BYTES * len(definition.document.vehicles) + _DOCUMENT_BYTES * len(definition.document_json)


def started_run(
    run_id: str, definition: Definition, version: int, request: StartRun, clock: Clock | None = None
) -> SimulationRun:
    """A run at logical time 0, not saved yet. Only one with a `clock` can start now, or so long before.

    Raises InvalidInput for what no run of this depot can be.
    """
    check_start(request)
    disturbance_profile(definition.document, request.disturbances)
    start_time, before_ms = request.start_time, before_now(request.start_time)
    if before_ms is not None:
        if clock is None:
            raise InvalidInput([Fault("/start_time", repr(start_time), "a fixed time: wall time drives no such run")])
        start_time = start_at(before_ms, int(request.tick), clock.now_us(), clock.utc_offset_s())
    run = SimulationRun(run_id)
    run.start(
        SimulationRunStarted(
            0,
            run_id=run_id,
            configuration_id=request.configuration_id,
            configuration_version=version,
            document=msgspec.Raw(definition.document_json),
            seed=request.seed,
            start_time=start_time,
            tick_ms=int(request.tick),
            clock=run_clock(request.clock, on_wall_time=before_ms is not None),
            disturbances=request.disturbances,
        )
    )
    return run
