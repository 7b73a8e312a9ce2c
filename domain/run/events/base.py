"""The base of every event of a run's stream."""

from __future__ import annotations

from depot_sim.domain.kernel.events import Event


class RunEvent(Event, frozen=True, omit_defaults=True):
    at: int
