"""How a projection of the world into a protocol fares, told alike for every family."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from depot_sim.domain.kernel.events import Event


class ProjectionHealth(StrEnum):
    """Of a projection as a whole, for whoever watches all families alike."""

    DOWN = "DOWN"
    CONNECTING = "CONNECTING"
    UP = "UP"
    IMPAIRED = "IMPAIRED"


class ProjectionStateChanged(Event, frozen=True, omit_defaults=True):
    """`at` is on the projection's own clock, in ms since 1970 UTC."""

    TOPIC: ClassVar[str] = "projection.state-changed.1"
    OPERATIONAL: ClassVar[bool] = True
    at: int
    run_id: str
    family: str
    managed_scope_id: str
    health: ProjectionHealth
