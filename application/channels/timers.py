"""The timers of this process. No channel is looked at now and then.

What has a moment on the wall's clock rings when it has come; what has one on a run's clock rings when the run is saved,
because only then its time has moved.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from depot_sim.application.channels.channel import Channel, Deadline
from depot_sim.application.channels.store import ChannelStore
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


class _Timer(NamedTuple):
    at_us: int
    alarm: Alarm
    callback: Callable[[], None]


class Timers:
    """Calls back at moments of wall time, or before: who is called back too early sets the timer anew."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._set: dict[Hashable, _Timer] = {}
        self._check: Alarm | None = None
        self._is_closed = False
        self._difference_us = self._wall_difference_us()

    def set(self, key: Hashable, delay_us: int, callback: Callable[[], None]) -> None:
        """Call back after this delay; the timer of a key that is set to ring sooner stays as it is.

        Timers that every message puts off ring once a period that way, and are not set anew with each message.
        """
        at_us, present = self._clock.monotonic_us() + delay_us, self._set.get(key)
        if self._is_closed or (present is not None and present.at_us <= at_us):
            return
        self.cancel(key)
        self._set[key] = _Timer(at_us, self._clock.call_later_us(delay_us, partial(self._ring, key)), callback)
        if self._check is None:
            self._check = self._clock.call_later_us(_CHECK_US, self._check_wall)

    def cancel(self, key: Hashable) -> None:
        timer = self._set.pop(key, None)
        if timer is not None:
            timer.alarm.cancel()

    def close(self) -> None:
        """Call nobody back any more."""
        self._is_closed = True
        for key in list(self._set):
            self.cancel(key)

    def _ring(self, key: Hashable) -> None:
        timer = self._set[key]
        self.cancel(key)
        try:
            timer.callback()
        except Exception:  # noqa: BLE001 - whatever it was, the other timers have to ring
            _log.exception("timer not served")

    def _check_wall(self) -> None:
        """When the wall's clock was set, all timers ring: those that are too early are set anew by the new time."""
        before, self._difference_us = self._difference_us, self._wall_difference_us()
        if abs(self._difference_us - before) > _STEP_US:
            for key in list(self._set):
                self._ring(key)
        self._check = self._clock.call_later_us(_CHECK_US, self._check_wall) if self._set else None

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
        self._of_runs: dict[str, dict[K, int]] = {}
        self._changed: set[K] = set()
        channels.on_change.append(self._look_soon)
        host.on_saved.append(self._run_saved)

    def look(self, key: K, *, was_tried: bool = False) -> None:
        """Set the timers of a channel anew: it has changed, or it `was_tried` to do what was due.

        What is due already rings at once, or after a try at the run's next save or in a while. So does a channel that
        was dropped: it has to be loaded to know.
        """
        channel = self._channels.peek(key)
        if channel is None:
            self._ring(key)
            return
        moment, held = self._moment(channel), self._host.held(channel.run_id)
        if moment is None:
            return
        wall, run = self._next(channel)
        if run is not None and held is not None:
            self._of_runs.setdefault(channel.run_id, {})[key] = held.saved_at + run - moment.run
        if (wall is not None and wall <= moment.wall) or (run is not None and run <= moment.run):
            (self.again if was_tried else self._ring)(key)
        elif wall is not None:
            self._set(key, (wall - moment.wall) * 1_000)
        else:
            self._timers.cancel((self, key))

    def again(self, key: K) -> None:
        """Ring in a while: what there was to do could not be done."""
        self._set(key, AGAIN_US)

    def leave(self, run_id: str) -> None:
        """Ring for no channel of this run when the run is saved."""
        self._of_runs.pop(run_id, None)

    def _set(self, key: K, delay_us: int) -> None:
        self._timers.set((self, key), delay_us, partial(self.look, key))

    def _look_soon(self, channel: C) -> None:
        """Look at every channel once that changes in this turn of the loop: the messages of a commit come together."""
        if not self._changed:
            asyncio.get_running_loop().call_soon(self._look_at_changed)
        self._changed.add(channel.key)

    def _look_at_changed(self) -> None:
        changed, self._changed = self._changed, set()
        for key in changed:
            self.look(key)

    def _run_saved(self, run_id: str, _: int, __: Sequence[Event]) -> None:
        of_run, held = self._of_runs.get(run_id, {}), self._host.held(run_id)
        for key in [key for key, at in of_run.items() if held is not None and at <= held.saved_at]:
            del of_run[key]
            self.look(key)

    def _next(self, channel: C) -> tuple[int | None, int | None]:
        """The channel's next deadline on the wall's clock, and on that of its run."""
        wall: list[int] = []
        run: list[int] = []
        for clock, at in self._deadlines(channel):
            is_run = clock is DeadlineClock.RUN or (clock is DeadlineClock.TARGET and channel.is_on_run_time)
            (run if is_run else wall).append(at)
        return min(wall, default=None), min(run, default=None)
