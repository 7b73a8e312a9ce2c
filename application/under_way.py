"""What runs have under way outside, so that a run that is moved can wait for it at each of its instants.

Whoever works for a run has a Work for it. The work is busy with what the run has brought about so far, or waits for
the answer to an attempt, or is idle: it has nothing to do, or waits on purpose. What comes with answers while a run
waits is held back until nothing more can come, and then applied by target and number, so that equal answers have equal
effects in whatever order they arrive.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from depot_sim.application.clock import Alarm, Clock

_log = logging.getLogger("depot_sim.runs")

_AT_ONCE: ContextVar[bool] = ContextVar("whether answers are applied at once", default=False)


@contextmanager
def applied_at_once() -> Iterator[None]:
    """For who sends while the run cannot go on: what is answered is not held back."""
    token = _AT_ONCE.set(True)
    try:
        yield
    finally:
        _AT_ONCE.reset(token)


class Settled(NamedTuple):
    """Of one instant: whether there were attempts to wait for, and the targets that let the time run out."""

    waited: bool = False
    silent: tuple[str, ...] = ()


class _Place(NamedTuple):
    """Where an answer is in the order in which answers are applied: by its target, and the number it has there."""

    target: str
    number: int


class _Turn:
    """Of one answer that is held back."""

    def __init__(self) -> None:
        self.has_come = asyncio.Event()
        self.is_over = asyncio.Event()


class _Outside:
    """Of one run. `attempted` counts all attempts so far; `silent` targets are not waited for until they answer."""

    def __init__(self) -> None:
        self.busy = 0
        self.attempts: Counter[str] = Counter()
        self.attempted = 0
        self.silent: set[str] = set()
        self.is_collecting = False
        self.held_back: list[tuple[_Place, int, _Turn]] = []
        self._changed: asyncio.Event = asyncio.Event()

    @property
    def awaited(self) -> set[str]:
        """Targets whose answers are waited for."""
        return {target for target in self.attempts if target not in self.silent}

    def notify_changed(self) -> None:
        self._changed.set()

    async def change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def apply(self) -> None:
        """Let the answers that are held back have their effects, one after the other."""
        for turn in self._take_turns():
            turn.has_come.set()
            await turn.is_over.wait()

    def stop_collecting(self) -> None:
        self.is_collecting = False
        for turn in self._take_turns():
            turn.has_come.set()

    def _take_turns(self) -> list[_Turn]:
        turns, self.held_back = sorted(self.held_back, key=lambda one: one[:2]), []
        return [turn for _, _, turn in turns]


class Work:
    """Somebody's work for a run, idle at first. `target` names whom its attempts are made at."""

    __slots__ = ("_is_busy", "_outside", "target")

    def __init__(self, outside: _Outside, target: str) -> None:
        self._outside = outside
        self._is_busy = False
        self.target = target

    def begin(self) -> Work:
        """There is something to do. Does nothing when there was before."""
        if not self._is_busy:
            self._is_busy = True
            self._outside.busy += 1
        return self

    def end(self) -> None:
        """There is nothing to do any more, or not before some wall time, or not while an intervention holds it back."""
        if self._is_busy:
            self._is_busy = False
            self._outside.busy -= 1
            self._outside.notify_changed()

    def __enter__(self) -> Work:
        return self.begin()

    def __exit__(self, *_: object) -> None:
        self.end()

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """One attempt outside: the run waits for it as long as its settle time lasts."""
        outside, was_busy = self._outside, self._is_busy
        outside.attempts[self.target] += 1
        outside.attempted += self.target not in outside.silent
        self.end()
        try:
            yield
        finally:
            if was_busy:
                self.begin()
            outside.attempts[self.target] -= 1
            if not outside.attempts[self.target]:
                del outside.attempts[self.target]
            outside.notify_changed()

    def answered(self) -> None:
        """The target has answered: it is waited for again, if it was not."""
        self._outside.silent.discard(self.target)

    @asynccontextmanager
    async def turn(self, number: int) -> AsyncIterator[None]:
        """Apply what came with an answer, when it is its turn; `number` counts what was sent to the target."""
        outside, was_busy = self._outside, self._is_busy
        if not outside.is_collecting or _AT_ONCE.get():
            yield
            return
        turn = _Turn()
        outside.held_back.append((_Place(self.target, number), len(outside.held_back), turn))
        self.end()
        outside.notify_changed()
        try:
            await turn.has_come.wait()
            self.begin()
            yield
        finally:
            if not was_busy:
                self.end()
            turn.is_over.set()


class UnderWay:
    """Of all runs of this process. `followers` tell of a run whether they have targets that work for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._outsides: dict[str, _Outside] = {}
        self.followers: list[Callable[[str], bool]] = []

    def work(self, run_id: str, target: str) -> Work:
        return Work(self._of(run_id), target)

    def is_followed(self, run_id: str) -> bool:
        """Whether anything can be under way for the run."""
        return any(follows(run_id) for follows in self.followers)

    def is_collecting(self, run_id: str) -> bool:
        """Whether the run waits, or is about to: nobody should put off what it has to do."""
        outside = self._outsides.get(run_id)
        return outside is not None and outside.is_collecting

    def forget(self, run_id: str) -> None:
        """The run is not ours any more."""
        self._outsides.pop(run_id, None)

    def collect(self, run_id: str) -> None:
        """Hold back what comes with answers from now on, until `settle` applies it, or `stop_collecting` lets it go."""
        self._of(run_id).is_collecting = True

    def stop_collecting(self, run_id: str) -> None:
        """Let everything that is held back go on, each as it likes."""
        self._of(run_id).stop_collecting()

    async def settle(self, run_id: str, settle_us: int) -> Settled:
        """Wait until nothing is under way for the run, at most so long for the answers, and apply what came.

        A target that lets the time run out is told once, and is not waited for until it has answered.
        """
        self.collect(run_id)
        outside, is_over = self._of(run_id), asyncio.Event()
        had_awaited, attempted = bool(outside.awaited), outside.attempted
        alarm: Alarm | None = None

        def ring() -> None:
            is_over.set()
            outside.notify_changed()

        try:
            while True:
                if outside.busy:
                    await outside.change()
                elif outside.awaited and not is_over.is_set():
                    alarm = alarm or self._clock.call_later_us(settle_us, ring)
                    await outside.change()
                elif outside.held_back:
                    await outside.apply()
                else:
                    break
        finally:
            outside.stop_collecting()
            if alarm is not None:
                alarm.cancel()
        silent = tuple(sorted(outside.awaited))
        for target in silent:
            _log.warning("not waited for until it answers: %s", target, extra={"run_id": run_id})
        outside.silent.update(silent)
        return Settled(had_awaited or outside.attempted > attempted, silent)

    def _of(self, run_id: str) -> _Outside:
        return self._outsides.setdefault(run_id, _Outside())
