"""Wall time drives realtime runs: a tick whenever its logical moment has come, several at once to catch up."""

from __future__ import annotations

import asyncio
import logging

from depot_sim.application.clock import Clock
from depot_sim.application.run.host import HeldRun, RunHost
from depot_sim.application.run.pace import Pace
from depot_sim.application.run.service import RunService
from depot_sim.domain.kernel.errors import Conflict
from depot_sim.domain.run.aggregate import RunStatus
from depot_sim.domain.run.events import ClockMode

_log = logging.getLogger("depot_sim.runs")


class RunDriver:
    """One task per held realtime run. It ends when the run stops or is no longer held."""

    def __init__(self, service: RunService, host: RunHost, clock: Clock) -> None:
        self._service = service
        self._host = host
        self._clock = clock
        host.on_held.append(self._begin)

    def _begin(self, run_id: str) -> None:
        held = self._host.held(run_id)
        if held is not None and held.run.started.clock.mode is ClockMode.REALTIME:
            held.pace = pace = Pace(held.run, self._clock)
            held.driver = asyncio.create_task(self._drive(run_id, held, pace), name=f"run {run_id}")

    async def _drive(self, run_id: str, held: HeldRun, pace: Pace) -> None:
        """A run in step goes one tick at a time, and waits for the answers with nobody kept out."""
        clock = held.run.started.clock
        try:
            while True:
                async with held.lock:
                    if self._host.held(run_id) is not held or held.run.status is RunStatus.STOPPED:
                        return
                    await self._catch_up(held, pace)
                    pause = pace.until_next_tick_us()
                if clock.lock_step:
                    await self._service.advances.settle(run_id, clock.settle_ms)
                if pause:
                    await self._clock.sleep_us(pause)
        except Conflict as conflict:
            _log.warning("run given up: %s", conflict.detail, extra={"run_id": run_id})
            self._host.drop(held)
        except Exception:  # noqa: BLE001 - whatever it was, the writer may be ahead of the log: begin again from there
            _log.exception("run dropped", extra={"run_id": run_id})
            self._host.drop(held)
            self._host.rest(run_id)

    async def _catch_up(self, held: HeldRun, pace: Pace) -> None:
        run = held.run
        if run.status is not RunStatus.RUNNING:
            pace.rebase()
            return
        due = pace.last_whole_tick()
        left_out = await self._service.follow(held, due) if due > run.world.at else 0
        if left_out and pace.may_warn():
            _log.warning("run is slower than its clock", extra={"run_id": run.run_id, "ticks_left_out": left_out})
