"""The timers of this process: one heap for all, and one alarm of the clock for the earliest of them.

No channel is looked at now and then. What has a moment on the wall's clock rings when it has come; what has one on a
run's clock rings when the run is saved, because only then its time has moved.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from depot_sim.application.channels.channel import Channel, Deadline
from depot_sim.application.channels.store import ChannelStore
from depot_sim.application.channels.timer_heap import TimerHeap
from depot_sim.application.clock import Alarm, Clock
from depot_sim.application.runtime import HeldRuns
from depot_sim.domain.interaction.expectation_events import Clock as DeadlineClock
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.kernel.events import Event

_log = logging.getLogger("depot_sim.channels")

_CHECK_US = 1_000_000
"""How often at least the wall's clock is compared with the monotonic one while timers are set."""
_STEP_US = 500_000
"""By how much their difference changes when the wall's clock was set, or the machine was suspended."""
AGAIN_US = 1_000_000
"""How long to wait before what could not be done is tried again."""

K = TypeVar("K", bound=Hashable)
C = TypeVar("C", bound=Channel[Any])


class Timers:
    """Calls back at moments of wall time, or before: who is called back too early sets the timer anew."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: TimerHeap[Hashable] = TimerHeap()
        self._callbacks: dict[Hashable, Callable[[], None]] = {}
        self._alarm: Alarm | None = None
        self._is_closed = False
        self._difference_us = self._wall_difference_us()

    def set(self, key: Hashable, delay_us: int, callback: Callable[[], None]) -> None:
        """Call back after this delay; the timer of a key that is set to ring sooner stays as it is."""
        self._callbacks[key] = callback
        if self._heap.set(key, self._clock.monotonic_us() + delay_us):
            self._wait_for_first()

    def cancel(self, key: Hashable) -> None:
        self._heap.cancel(key)
        self._callbacks.pop(key, None)

    def close(self) -> None:
        """Call nobody back any more."""
        self._is_closed = True
        if self._alarm is not None:
            self._alarm.cancel()

    def _wait_for_first(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        first_us = self._heap.next()
        if first_us is not None and not self._is_closed:
            delay_us = max(0, first_us - self._clock.monotonic_us())
            self._alarm = self._clock.call_later_us(min(delay_us, _CHECK_US), self._ring)

    def _ring(self) -> None:
        """When the wall's clock was set, all timers ring: those that are too early are set anew by the new time."""
        self._alarm = None
        upto_us = sys.maxsize if self._wall_was_set() else self._clock.monotonic_us()
        for callback in [self._callbacks.pop(key) for key in self._heap.ringing(upto_us)]:
            try:
                callback()
            except Exception:  # noqa: BLE001 - whatever it was, the other timers have to ring
                _log.exception("timer not served")
        self._wait_for_first()

    def _wall_was_set(self) -> bool:
        before, self._difference_us = self._difference_us, self._wall_difference_us()
        return abs(self._difference_us - before) > _STEP_US

    def _wall_difference_us(self) -> int:
        return self._clock.now_us() - self._clock.monotonic_us()


class ChannelTimers(Generic[K, C]):
    """Rings, with its key, for every channel that has something to do by now.

    `moment` is the present of a channel, None for one that is not to be looked after here; `deadlines` are the moments
    at which it has something to do, each on a clock.
    """

    def __init__(
        self,
        timers: Timers,
        host: HeldRuns,
        channels: ChannelStore[K, C],
        *,
        moment: Callable[[C], Moment | None],
        deadlines: Callable[[C], Iterable[Deadline]],
        ring: Callable[[K], None],
    ) -> None:
        self._timers = timers
        self._host = host
        self._channels = channels
        self._moment = moment
        self._deadlines = deadlines
        self._ring = ring
        self._of_runs: dict[str, TimerHeap[K]] = {}
        self._changed: dict[K, C] = {}
        channels.on_change.append(self._look_soon)
        host.on_saved.append(self._run_saved)

    def look_at(self, channel: C, *, was_tried: bool = False) -> None:
        """Set the timers of a channel anew: it has changed, or it `was_tried` to do what was due.

        What is due already rings at once, or after a try at the run's next save or in a while.
        """
        moment = self._moment(channel)
        if moment is None:
            return
        wall, run = self._next(channel)
        held = self._host.held(channel.run_id)
        if run is not None and held is not None:
            of_run = self._of_runs.setdefault(channel.run_id, TimerHeap())
            of_run.set(channel.key, held.saved_at + run - moment.run)
        if _is_due(wall, run, moment):
            self._set(channel.key, AGAIN_US if was_tried else 0)
        elif wall is not None:
            self._set(channel.key, (wall - moment.wall) * 1_000)
        else:
            self._timers.cancel((self, channel.key))

    def again(self, key: K) -> None:
        """Ring in a while: what there was to do could not be done."""
        self._set(key, AGAIN_US)

    def leave(self, run_id: str) -> None:
        """Ring for no channel of this run when the run is saved."""
        self._of_runs.pop(run_id, None)

    def _set(self, key: K, delay_us: int) -> None:
        self._timers.set((self, key), delay_us, partial(self._rung, key))

    def _look_soon(self, channel: C) -> None:
        """Look at every channel once that changes in this turn of the loop: the messages of a commit come together."""
        if not self._changed:
            asyncio.get_running_loop().call_soon(self._look_at_changed)
        self._changed[channel.key] = channel

    def _look_at_changed(self) -> None:
        changed, self._changed = self._changed, {}
        for channel in changed.values():
            self.look_at(channel)

    def _run_saved(self, run_id: str, _: int, __: Sequence[Event]) -> None:
        of_run, held = self._of_runs.get(run_id), self._host.held(run_id)
        if of_run is not None and held is not None:
            for key in of_run.ringing(held.saved_at):
                self._rung(key)

    def _rung(self, key: K) -> None:
        """A channel that was dropped has to be loaded to know."""
        channel = self._channels.peek(key)
        moment = None if channel is None else self._moment(channel)
        if channel is None or (moment is not None and _is_due(*self._next(channel), moment)):
            self._ring(key)
        else:
            self.look_at(channel)

    def _next(self, channel: C) -> tuple[int | None, int | None]:
        """The channel's next deadline on the wall's clock, and on that of its run."""
        wall: int | None = None
        run: int | None = None
        for clock, at in self._deadlines(channel):
            if clock is DeadlineClock.RUN or (clock is DeadlineClock.TARGET and channel.is_on_run_time):
                run = at if run is None else min(run, at)
            else:
                wall = at if wall is None else min(wall, at)
        return wall, run


def _is_due(wall: int | None, run: int | None, moment: Moment) -> bool:
    return (wall is not None and wall <= moment.wall) or (run is not None and run <= moment.run)
