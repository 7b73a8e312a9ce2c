"""The runtime port: all that protocol families and their channels know of runs besides the domain.

`HeldRuns` are the runs that this process writes, at their present. `CommittedRuns` are all runs, as the log has them.
`RunCommands` change the world of a run. Whoever is given a run only looks at it, and never changes it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from depot_sim.application.event_log import Fence
from depot_sim.application.repository import Origin
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.commands import Command
from depot_sim.domain.run.events import ResumeReason

Aftermath = Callable[[SimulationRun, Fence], Awaitable[None]]
"""Does what is left to do for a stopped run, under the fence of its lease; returns when all of it is done."""


class HeldRun(Protocol):
    """A run that this process writes."""

    @property
    def run(self) -> SimulationRun:
        """Ahead of the log by what is being written."""

    @property
    def saved_at(self) -> int:
        """The logical time that the log has reached."""

    @property
    def fence(self) -> Fence:
        """That of the lease, under which only this process writes the run and what belongs to it."""


class HeldRuns(Protocol):
    """A run is held from when this process begins to write it until it stops, is given back, or its lease is lost.

    Everyone in `on_held` is told of every run taken, in `on_dropped` of every one that is no longer ours to write, and
    in `on_saved` of the events just committed and the version they end at, which spares a look into the log. The lease
    of a stopped run is kept until all `aftermaths` are done.
    """

    on_held: list[Callable[[str], None]]
    on_dropped: list[Callable[[str], None]]
    on_saved: list[Callable[[str, int, Sequence[Event]], None]]
    aftermaths: list[Aftermath]

    def held_ids(self) -> list[str]: ...

    def held(self, run_id: str) -> HeldRun | None: ...

    async def adopt(self, run_id: str, reason: ResumeReason) -> HeldRun:
        """Take a run over, unless it is held. Raises NotFound, RunHeldElsewhere, CommandRefused for a stopped run."""


class CommittedRuns(Protocol):
    """Runs that any process may hold."""

    async def get(self, run_id: str) -> SimulationRun:
        """The run, up to date with every commit before this call. Raises NotFound."""

    async def at_version(self, run_id: str, version: int) -> SimulationRun:
        """The run as it was after this version's event; the caller may fold it further. Raises NotFound."""

    def share(self, run: SimulationRun) -> None:
        """Let `get` answer with a run that the caller folds further, whenever it is up to date."""

    def unshare(self, run: SimulationRun) -> None:
        """The caller folds it no further."""


class RunCommands(Protocol):
    async def command(self, run_id: str, command: Command, origin: Origin) -> object:
        """Change the world at the run's present logical time; what comes of it is in the run's events.

        Raises CommandRefused, InvalidInput, RunHeldElsewhere, NotFound.
        """

    async def carry_to_present(self, run_id: str) -> None:
        """Bring a run that follows wall time, and that this process holds, up to the present."""
