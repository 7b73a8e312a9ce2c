"""Where on its logical time a run should be that follows wall time."""

from __future__ import annotations

from depot_sim.application.clock import Clock
from depot_sim.application.run.requests import epoch_ms
from depot_sim.domain.run.aggregate import SimulationRun

_US_PER_MS = 1_000
_MAX_SLEEP_US = 1_000_000
_WARN_EVERY_US = 60_000_000


class Pace:
    """Of a run that moves at its speed from a moment at which it was on time, or of one on wall time.

    The logical time of a run on wall time is the wall clock's, whatever it missed: it is never said to be on time.
    """

    def __init__(self, run: SimulationRun, clock: Clock) -> None:
        self._run = run
        self._clock = clock
        self._speed_ppm = run.started.clock.speed_ppm
        self._start_us = epoch_ms(run.started.start_time) * _US_PER_MS if run.started.clock.on_wall_time else None
        self._warned_us = -_WARN_EVERY_US
        self.rebase()

    @property
    def catches_up(self) -> bool:
        """Whether the run has to make up for everything it missed."""
        return self._start_us is not None

    def rebase(self) -> None:
        """Say that the run is on time now, whatever it missed."""
        self._base_us = self._clock.monotonic_us()
        self._base_at = self._run.world.at

    def present(self) -> int:
        """The logical ms that the run should have reached by now."""
        return self.at(self._clock.monotonic_us())

    def at(self, moment_us: int) -> int:
        """The same at a moment of the monotonic clock."""
        if self._start_us is not None:
            ago_us = self._clock.monotonic_us() - moment_us
            return (self._clock.now_us() - ago_us - self._start_us) // _US_PER_MS
        return self._base_at + (moment_us - self._base_us) * self._speed_ppm // 1_000_000 // _US_PER_MS

    def last_whole_tick(self) -> int:
        """The newest moment by now at which a whole tick ends."""
        tick_ms = self._run.started.tick_ms
        return self.present() // tick_ms * tick_ms

    def until_next_tick_us(self) -> int:
        tick_ms = self._run.started.tick_ms
        due_us = self._when((self._run.world.at // tick_ms + 1) * tick_ms)
        return max(0, min(due_us - self._clock.monotonic_us(), _MAX_SLEEP_US))

    def _when(self, at: int) -> int:
        """The moment of the monotonic clock at which the run should reach this logical time."""
        if self._start_us is not None:
            return self._clock.monotonic_us() + self._start_us + at * _US_PER_MS - self._clock.now_us()
        return self._base_us + -(-(at - self._base_at) * _US_PER_MS * 1_000_000 // self._speed_ppm)

    def may_warn(self) -> bool:
        """Once a minute, so that a run that is always late does not fill the log."""
        now_us = self._clock.monotonic_us()
        due = now_us - self._warned_us >= _WARN_EVERY_US
        if due:
            self._warned_us = now_us
        return due
