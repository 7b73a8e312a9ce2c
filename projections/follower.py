"""Carrying one build of a read model along the log: page after page, rows and position in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from depot_sim.application.event_log import EventLog, Row
from depot_sim.projections.projector import PoisonEvent, Projector, write
from depot_sim.read_models.store import Build, Mark

PAGE = 5_000
"""Events per transaction while catching up: enough that the commit no longer counts."""


class Follower:
    """Knows the log and the projector; the build and its position are told anew for every page."""

    def __init__(self, projector: Projector, log: EventLog) -> None:
        self.projector = projector
        self._log = log
        self._origin = 0

    def origin(self) -> int:
        """When the log's first event was recorded, 0 while it is empty."""
        if not self._origin:
            self._origin = next((row.recorded_at for row in self._log.read_all(0, 1)), 0)
        return self._origin

    def step(self, build: Build, position: int, upto: int) -> int:
        """Project one page after `position` and return how far the build is now, `upto` at most.

        Raises PoisonEvent when the build stands right before it, Overtaken, or StoreError.
        """
        rows = self._log.read_all(position, PAGE, self.projector.where, upto=upto)
        end = rows[-1].position if len(rows) == PAGE else upto
        try:
            self._write(build, position, rows, end)
        except PoisonEvent as poison:
            sound = [row for row in rows if row.position < poison.position]
            if not sound:
                raise
            end = sound[-1].position
            self._write(build, position, sound, end)
        return end

    def _write(self, build: Build, position: int, rows: Sequence[Row], end: int) -> None:
        with build.advance(position, Mark(end, self.origin())) as transaction:
            write(self.projector.project(rows, transaction), transaction)
