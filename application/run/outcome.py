"""What a request about a run came to."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from depot_sim.application.run.requests import time_at
from depot_sim.domain.run.aggregate import RunStatus, SimulationRun


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a request came to: the run's state after it, and the topics of the events it made.

    Of an advance, `waits` counts the instants at which answers were waited for, `give_ups` how often a target let the
    settle time run out, and `silent` names those targets; a repeated request counts from where it went on. One that
    goes on by itself is `advancing_to` that time.
    """

    run_id: str
    status: RunStatus
    time: str
    at: int
    version: int
    events: tuple[str, ...] = ()
    waits: int = 0
    give_ups: int = 0
    silent: tuple[str, ...] = ()
    advancing_to: str | None = None


def outcome_of(run: SimulationRun, events: Sequence[str] = ()) -> Outcome:
    at = run.world.at
    return Outcome(run.run_id, run.status, time_at(run.started.start_time, at), at, run.version, tuple(events))
