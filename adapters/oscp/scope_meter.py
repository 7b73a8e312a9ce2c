"""What the world's own meters measured at a managed scope, from the read model `power`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from depot_sim.application.event_log import EventLog
from depot_sim.application.runtime import CommittedRuns
from depot_sim.domain.oscp.rules import WindowMeters
from depot_sim.read_models.database import Database
from depot_sim.read_models.scope_energy import ScopeEnergy, scope_energy

LONGEST_WAIT_SECONDS = 0.5
"""A read model that is rebuilt or failing has no figures for what it does not show yet."""

_MJ_PER_WH_MILLI = 3_600


class PowerScopeMeter:
    """Implements ScopeMeter. `wait_for` blocks until `power` shows the log up to a position, or for so many seconds.

    The read model is waited for only where the run has come to the end of a window and it has not.
    """

    def __init__(
        self, power: Database, runs: CommittedRuns, wait_for: Callable[[int, float], bool], log: EventLog
    ) -> None:
        self._power = power
        self._runs = runs
        self._wait_for = wait_for
        self._log = log

    async def window(self, run_id: str, managed_scope_id: str, begin_ms: int, end_ms: int) -> WindowMeters | None:
        """Between two moments of the run; what lies before its start is not complete. Raises NotFound for no run.

        None when the run has not come so far, or has no such scope.
        """
        run = await self._runs.get(run_id)
        begin = max(0, begin_ms)
        if not begin < end_ms <= run.world.at or managed_scope_id not in run.depot.scope_index:
            return None
        measured = await asyncio.to_thread(self._measured, run_id, managed_scope_id, begin, end_ms)
        return None if measured is None else _meters(measured, complete=begin == begin_ms)

    def _measured(self, run_id: str, scope: str, begin: int, end: int) -> ScopeEnergy | None:
        measured = scope_energy(self._power, run_id, scope, begin, end)
        if measured is None:
            self._wait_for(self._log.head(), LONGEST_WAIT_SECONDS)
            measured = scope_energy(self._power, run_id, scope, begin, end)
        return measured


def _meters(measured: ScopeEnergy, *, complete: bool) -> WindowMeters:
    imported, exported = measured.imported_mj // _MJ_PER_WH_MILLI, measured.exported_mj // _MJ_PER_WH_MILLI
    return WindowMeters(imported, exported, measured.max_w, complete)
