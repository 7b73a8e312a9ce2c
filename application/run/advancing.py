"""Advancing a run by hand: slice by slice, so that others get their turn, and in step with what it has under way.

One advance of a run at a time: those that come meanwhile wait, and count from where it ended. Between two slices the
run can be paused, stopped and commanded. A run in step does one tick a slice, and waits for answers before the next.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, TypeVar
from weakref import WeakValueDictionary

import msgspec

from depot_sim.application.event_log import EventLog
from depot_sim.application.repository import Origin
from depot_sim.application.run.answers import Asked, Kept, answer_write, known
from depot_sim.application.run.host import HeldRun, RunHost
from depot_sim.application.run.outcome import Outcome, outcome_of
from depot_sim.application.run.requests import time_at
from depot_sim.application.run.scripts import Scripts
from depot_sim.application.under_way import Settled, UnderWay
from depot_sim.domain.kernel.errors import CommandRefused, Conflict, ServiceStopping
from depot_sim.domain.kernel.quantities import Duration
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.events import ClockMode

T = TypeVar("T")

CLOCK = Origin(actor="clock")
"""Who moves a run that follows wall time."""
_SLICE_EVENTS = 200  # between two appends of a long advance
_BREATH_STEPS = 10_000  # vehicle-steps, about 10 ms, after which a long advance lets others have the event loop


class Manner(NamedTuple):
    """How to advance: how long to wait for answers at each instant, None as long as the run says.

    An advance to `detach` goes on without whoever asked for it, who is answered once it has begun.
    """

    settle: Duration | None = None
    detach: bool = False


OWN_MANNER = Manner()
"""That of the run."""


class Move(NamedTuple):
    """An advance as it was asked for. `target` says where to, in logical ms; it may refuse."""

    run_id: str
    origin: Origin
    asked: Asked | None
    target: Callable[[SimulationRun], int]
    manner: Manner


class _Advance:
    """One that is under way, once it has its turn."""

    def __init__(self, move: Move, found: Kept, run: SimulationRun) -> None:
        self.move = move
        self.known = found
        self.to = move.target(run) if found.to is None else found.to
        self.settle_ms = run.started.clock.settle_ms if move.manner.settle is None else int(move.manner.settle)
        self.waits = 0
        self.silent: Counter[str] = Counter()

    def outcome(self, run: SimulationRun) -> Outcome:
        return msgspec.structs.replace(
            outcome_of(run), waits=self.waits, give_ups=self.silent.total(), silent=tuple(sorted(self.silent))
        )


class Advances:
    """Those of the runs of this process."""

    def __init__(self, log: EventLog, host: RunHost, scripts: Scripts, under_way: UnderWay) -> None:
        self._log = log
        self._host = host
        self._scripts = scripts
        self._under_way = under_way
        self._queues: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._present: dict[str, tuple[_Advance, asyncio.Task[Any]]] = {}
        self._is_stopping = False

    def target(self, run_id: str) -> int | None:
        """Where the run is being advanced to (logical ms); None when it is not."""
        present = self._present.get(run_id)
        return None if present is None else present[0].to

    def cancel(self, run_id: str) -> None:
        """End the advance that is under way, after the slice that is being written. Raises Conflict without one."""
        present = self._present.get(run_id)
        if present is None:
            raise Conflict(f"run {run_id} is not being advanced", "nothing needs to be cancelled")
        present[1].cancel()

    async def stop(self) -> None:
        """Cancel all: the runs are about to be given back."""
        self._is_stopping = True
        tasks = [task for _, task in self._present.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def advance(self, move: Move) -> Outcome:
        """Raises CommandRefused when the run is paused, stopped or the advance cancelled on the way.

        Cancelled itself, it ends what it has begun, unless that is detached.
        """
        begun: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._in_turn(move, begun), name=f"advance run {move.run_id}")
        answer = begun if move.manner.detach else task
        try:
            await asyncio.wait((answer, task), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if not begun.done() or not move.manner.detach:
                task.cancel()
                await asyncio.wait((task,))
            raise
        if not task.done():
            return begun.result()
        if task.cancelled():
            if self._is_stopping:
                raise ServiceStopping("the service stopped before the run was there", "send it again with the same key")
            raise CommandRefused(
                f"the advance of run {move.run_id} was cancelled", "send it again: it goes on where the run is"
            )
        return task.result()

    async def step(self, held: HeldRun, to: int) -> None:
        """One tick towards `to` by the run's clock, to be settled; the caller holds the lock."""
        await self._scripts.play(held)
        self._under_way.collect(held.run.run_id)
        held.run.tick(to)
        await self._host.save(held, msgspec.json.encode(CLOCK))

    async def settle(self, run_id: str, settle_ms: int) -> Settled:
        """Wait for what the run has under way outside."""
        if not settle_ms or not self._under_way.is_followed(run_id):
            return Settled()
        return await self._under_way.settle(run_id, settle_ms * 1_000)

    async def _in_turn(self, move: Move, begun: asyncio.Future[Outcome]) -> Outcome:
        async with self._queues.setdefault(move.run_id, asyncio.Lock()):
            begin = await _whole(self._begin(move))
            if isinstance(begin, Outcome):
                return begin
            task = asyncio.current_task()
            assert task is not None, "a coroutine runs in a task"
            self._present[move.run_id] = begin, task
            try:
                return await self._move(begin, begun)
            finally:
                del self._present[move.run_id]
                self._under_way.stop_collecting(move.run_id)

    async def _begin(self, move: Move) -> _Advance | Outcome:
        async with self._host.writing(move.run_id) as held:
            found = await known(self._log, move.asked)
            if found.answer is not None:
                return msgspec.json.decode(found.answer, type=Outcome)
            if held.run.started.clock.mode is not ClockMode.MANUAL:
                hint = "start it with a manual clock to move it by hand"
                raise CommandRefused(f"run {move.run_id} follows wall time", hint)
            return _Advance(move, found, held.run)

    async def _move(self, advance: _Advance, begun: asyncio.Future[Outcome]) -> Outcome:
        run_id = advance.move.run_id
        while True:
            settled = await self.settle(run_id, advance.settle_ms)
            advance.waits += settled.waited
            advance.silent.update(settled.silent)
            outcome, is_there = await _whole(self._slice(advance))
            if is_there:
                return outcome
            if not begun.done():
                begun.set_result(outcome)

    async def _slice(self, advance: _Advance) -> tuple[Outcome, bool]:
        """One slice of the way; whether it was the last one, which holds the answer. The first says where to.

        Ticking pauses where a scripted step is due, and is done when those due at the end are done, too.
        """
        move, to = advance.move, advance.to
        async with self._host.writing(move.run_id) as held:
            run = held.run
            step_at = await self._scripts.play(held)
            is_there = run.world.at >= to
            if is_there:
                outcome = advance.outcome(run)
            else:
                await self._tick(run, min(to, step_at), advance)
                outcome = msgspec.structs.replace(outcome_of(run), advancing_to=time_at(run.started.start_time, to))
            answer = outcome if is_there else None
            beside = answer_write(move.asked, advance.known, run.world.at, to=to, answer=answer)
            await self._host.save(held, msgspec.json.encode(move.origin), beside)
            advance.known = Kept(version=1, to=to)
            return outcome, is_there

    async def _tick(self, run: SimulationRun, until: int, advance: _Advance) -> None:
        if advance.settle_ms and self._under_way.is_followed(run.run_id):
            self._under_way.collect(run.run_id)
            run.tick(advance.to)
        else:
            await tick_slice(run, until, advance.to)


async def tick_slice(run: SimulationRun, until: int, to: int) -> None:
    """Tick towards `to` until there is enough to append or `until` is passed, which never shortens a tick."""
    ticks_a_breath = max(1, _BREATH_STEPS // max(1, len(run.world.vehicles)))
    while run.world.at < until and len(run.pending) < _SLICE_EVENTS:
        for _ in range(ticks_a_breath):
            if run.world.at >= until or len(run.pending) >= _SLICE_EVENTS:
                return
            run.tick(to)
        await asyncio.sleep(0)


async def _whole(work: Coroutine[Any, Any, T]) -> T:
    """Finish what has begun, though whoever asked for it is cancelled meanwhile."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        raise
