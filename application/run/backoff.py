"""Runs that failed to be taken up or driven: each is left alone for a while, twice as long after every setback."""

from __future__ import annotations

from typing import NamedTuple

from depot_sim.application.clock import Clock

_FIRST_US = 1_000_000
_LONGEST_US = 60_000_000


class _Setback(NamedTuple):
    until_us: int
    pause_us: int


class Backoff:
    """Remembered until a minute has passed without a further one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._setbacks: dict[str, _Setback] = {}

    def add(self, run_id: str) -> None:
        now = self._clock.monotonic_us()
        last = self._setbacks.get(run_id)
        pause = min(last.pause_us * 2, _LONGEST_US) if last is not None else _FIRST_US
        self._setbacks[run_id] = _Setback(now + pause, pause)

    def resting(self, run_id: str) -> bool:
        setback = self._setbacks.get(run_id)
        if setback is None:
            return False
        now = self._clock.monotonic_us()
        if now > setback.until_us + _LONGEST_US:
            del self._setbacks[run_id]
        return now < setback.until_us
