"""What moves a run besides its own schedule: scripted steps, played between ticks by whoever holds the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from depot_sim.application.event_log import StreamWrite
from depot_sim.application.run.host import HeldRun
from depot_sim.domain.run.world.state import NEVER


class Scripts(Protocol):
    """The caller of every method holds the run's lock, and has nothing pending."""

    async def play(self, held: HeldRun) -> int:
        """Carry out and save every step that is due at the run's present; when the next one is due (logical ms)."""

    async def ended(self, held: HeldRun) -> Sequence[StreamWrite]:
        """What belongs into the append that ends the run."""


class NoScripts:
    """For runs that nothing is scripted for."""

    async def play(self, held: HeldRun) -> int:  # noqa: ARG002 - the port's
        return NEVER

    async def ended(self, held: HeldRun) -> Sequence[StreamWrite]:  # noqa: ARG002 - the port's
        return ()
