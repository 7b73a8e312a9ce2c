"""The projections of one process: a supervised thread per read model that catches up and then follows the log."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import msgspec

from depot_sim.application.event_log import EventLog
from depot_sim.domain.kernel.errors import DepotSimError
from depot_sim.projections.follower import Follower
from depot_sim.projections.projector import PoisonEvent, Projector
from depot_sim.projections.rebuild import is_outdated, rebuild
from depot_sim.read_models.schema import ReadModel
from depot_sim.read_models.store import Overtaken, ReadStore

FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 30.0
_STOP_SECONDS = 0.2  # how long a stop may wait for a thread that waits for the log
_REST_SECONDS = 0.5


class State(StrEnum):
    """FAILING: the last attempt failed, and there will be another."""

    STARTING = "STARTING"
    REBUILDING = "REBUILDING"
    FOLLOWING = "FOLLOWING"
    FAILING = "FAILING"
    STOPPED = "STOPPED"


class Status(msgspec.Struct, frozen=True):
    """`position` in the log and `lag` behind its head; `error` says why it is failing, `failures` how often in a row.

    `poison` is the position of the event that cannot be taken, if that is the reason.
    """

    read_model: str
    state: State
    position: int
    lag: int
    error: str = ""
    poison: int | None = None
    failures: int = 0


class _Trouble(NamedTuple):
    error: str = ""
    poison: int | None = None
    failures: int = 0


class Runner:
    """Start it once, stop it once. Any number of processes may run one on the same store."""

    def __init__(self, log: EventLog, store: ReadStore, projectors: Iterable[Projector]) -> None:
        self._log = log
        self._workers = {projector.model.name: _Worker(projector, log, store) for projector in projectors}

    def start(self) -> None:
        for worker in self._workers.values():
            worker.start()

    def stop(self) -> None:
        """Finish the transactions under way and join the threads."""
        for worker in self._workers.values():
            worker.ask_to_stop()
        for worker in self._workers.values():
            worker.join()

    def statuses(self) -> list[Status]:
        head = self._log.head()
        return [worker.status(head) for worker in self._workers.values()]

    def wait_for(self, model: ReadModel, position: int, timeout: float) -> bool:
        """Block until the read model shows the log up to `position`; False after `timeout` seconds."""
        return self._workers[model.name].wait_for(position, timeout)


class _Worker:
    def __init__(self, projector: Projector, log: EventLog, store: ReadStore) -> None:
        self._projector = projector
        self._log = log
        self._store = store[projector.model]
        self._follower = Follower(projector, log)
        self._stopping = threading.Event()
        self._moved = threading.Condition()
        self._state = State.STARTING
        self._position = 0
        self._wanted = 0
        self._trouble = _Trouble()
        self._thread = threading.Thread(target=self._run, name=f"project-{projector.model.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ask_to_stop(self) -> None:
        with self._moved:
            self._stopping.set()
            self._moved.notify_all()

    def join(self) -> None:
        if self._thread.ident is not None:
            self._thread.join()

    def status(self, head: int) -> Status:
        with self._moved:
            position, state, trouble = self._position, self._state, self._trouble
        return Status(self._projector.model.name, state, position, max(0, head - position), *trouble)

    def wait_for(self, position: int, timeout: float) -> bool:
        with self._moved:
            self._wanted = max(self._wanted, position)
            self._moved.notify_all()
            return self._moved.wait_for(lambda: self._position >= position, max(0.0, timeout))

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._rebuild_if_outdated()
                self._follow()
            except Overtaken:
                continue
            except Exception as error:  # noqa: BLE001 - whatever it was, it is shown and tried again
                self._fail(error)
                self._stopping.wait(backoff_seconds(self._trouble.failures))
        self._enter(State.STOPPED)

    def _rebuild_if_outdated(self) -> None:
        if is_outdated(self._store, self._follower, self._log):
            self._enter(State.REBUILDING)
            rebuild(self._projector, self._log, self._store)

    def _follow(self) -> None:
        position = self._store.stored().mark.position
        while not self._stopping.is_set():
            head = position
            if self._log.wait_beyond(position, _STOP_SECONDS):
                head = self._log.head()
                position = self._follower.step(self._store, position, head)
            self._reached(position)
            if position >= head:
                self._rest()

    def _rest(self) -> None:
        """At the end of the log, let events gather to share a transaction, unless somebody waits for them."""
        with self._moved:
            self._moved.wait_for(lambda: self._wanted > self._position or self._stopping.is_set(), _REST_SECONDS)

    def _reached(self, position: int) -> None:
        with self._moved:
            self._state, self._position, self._trouble = State.FOLLOWING, position, _Trouble()
            self._moved.notify_all()

    def _fail(self, error: Exception) -> None:
        said = error.detail if isinstance(error, DepotSimError) else str(error) or repr(error)
        poison = error.position if isinstance(error, PoisonEvent) else None
        with self._moved:
            self._state, self._trouble = State.FAILING, _Trouble(said, poison, self._trouble.failures + 1)

    def _enter(self, state: State) -> None:
        with self._moved:
            self._state = state


def backoff_seconds(failures: int) -> float:
    """Twice as long after every failure in a row, up to a bound."""
    return min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * (1 << min(failures - 1, 20)))
