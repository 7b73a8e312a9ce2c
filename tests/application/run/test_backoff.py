"""Runs that fail are left alone, longer each time."""

from __future__ import annotations

from depot_sim.application.run.backoff import Backoff
from tests.application.run.processes import FakeClock

SECOND = 1_000_000


def test_a_run_rests_twice_as_long_after_every_setback_and_a_minute_at_most() -> None:
    clock = FakeClock()
    setbacks = Backoff(clock)
    for seconds in (1, 2, 4, 8, 16, 32, 60, 60):
        setbacks.add("r")
        clock.advance(seconds * SECOND - 1)
        assert setbacks.resting("r")
        clock.advance(1)
        assert not setbacks.resting("r")


def test_a_setback_is_forgotten_after_a_quiet_minute() -> None:
    clock = FakeClock()
    setbacks = Backoff(clock)
    setbacks.add("r")
    setbacks.add("r")
    clock.advance(63 * SECOND)
    assert not setbacks.resting("r")
    setbacks.add("r")
    clock.advance(SECOND)
    assert not setbacks.resting("r")


def test_other_runs_are_not_concerned() -> None:
    setbacks = Backoff(FakeClock())
    setbacks.add("r")
    assert not setbacks.resting("s")
