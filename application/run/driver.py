"""Wall time drives realtime runs: a tick whenever its logical moment has come, several at once to catch up."""

from __future__ import annotations

import asyncio
import logging

from depot_sim.application.clock import Clock
from depot_sim.application.run.host import HeldRun, RunHost
from depot_sim.application.run.service import RunService
from depot_sim.domain.kernel.errors import Conflict
from depot_sim.domain.run.aggregate import RunStatus, SimulationRun
from depot_sim.domain.run.events import ClockMode

_log = logging.getLogger("depot_sim.runs")

_US_PER_MS = 1_000
_MAX_CATCH_UP_TICKS = 100
_MAX_SLEEP_US = 1_000_000
_WARN_EVERY_US = 60_000_000


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
            held.driver = asyncio.create_task(self._drive(run_id, held), name=f"run {run_id}")

    async def _drive(self, run_id: str, held: HeldRun) -> None:
        pace = Pace(held.run, self._clock.monotonic_us())
        try:
            while True:
                async with held.lock:
                    if self._host.held(run_id) is not held or held.run.status is RunStatus.STOPPED:
                        return
                    await self._catch_up(held, pace)
                    pause = pace.until_next_tick_us(self._clock.monotonic_us())
                await self._clock.sleep_us(pause)
        except Conflict as conflict:
            _log.warning("run given up: %s", conflict.detail, extra={"run_id": run_id})
            self._host.drop(held)
        except Exception:  # noqa: BLE001 - whatever it was, the writer may be ahead of the log: begin again from there
            _log.exception("run dropped", extra={"run_id": run_id})
            self._host.drop(held)
            self._host.rest(run_id)

    async def _catch_up(self, held: HeldRun, pace: Pace) -> None:
        run, now = held.run, self._clock.monotonic_us()
        if run.status is not RunStatus.RUNNING:
            pace.rebase(now)
            return
        ticks = pace.due_ticks(now)
        if ticks > 0:
            await self._service.advance_held(held, run.world.at + min(ticks, _MAX_CATCH_UP_TICKS) * run.started.tick_ms)
        if ticks > _MAX_CATCH_UP_TICKS:
            pace.rebase(self._clock.monotonic_us())
            if pace.may_warn(now):
                _log.warning("run is slower than its clock", extra={"run_id": run.run_id, "ticks_behind": ticks})


class Pace:
    """Which logical time a run should be at, from a wall-clock moment at which it was on time."""

    def __init__(self, run: SimulationRun, now_us: int) -> None:
        self._run = run
        self._speed_ppm = run.started.clock.speed_ppm
        self._warned_us = -_WARN_EVERY_US
        self.rebase(now_us)

    def rebase(self, now_us: int) -> None:
        """Say that the run is on time now, whatever it missed."""
        self._base_us = now_us
        self._base_at = self._run.world.at

    def due_ticks(self, now_us: int) -> int:
        logical_ms = (now_us - self._base_us) * self._speed_ppm // 1_000_000 // _US_PER_MS
        return (self._base_at + logical_ms - self._run.world.at) // self._run.started.tick_ms

    def until_next_tick_us(self, now_us: int) -> int:
        ahead_ms = self._run.world.at + self._run.started.tick_ms - self._base_at
        due_us = self._base_us + -(-ahead_ms * _US_PER_MS * 1_000_000 // self._speed_ppm)
        return max(0, min(due_us - now_us, _MAX_SLEEP_US))

    def may_warn(self, now_us: int) -> bool:
        """Once a minute, so that a run that is always late does not fill the log."""
        due = now_us - self._warned_us >= _WARN_EVERY_US
        if due:
            self._warned_us = now_us
        return due
