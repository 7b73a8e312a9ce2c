"""Connections to one SQLite database for the threads of this process: many readers, one writer at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from depot_sim.domain.kernel.errors import StoreError

MAX_IN_USE = 64
MAX_IDLE = 8


class ConnectionPool:
    """Opens connections when they are needed and keeps up to MAX_IDLE of them open.

    With `exclusive` no connection reads while one writes: connections to a shared database in memory refuse to wait for
    each other. Readers wait for a connection in the order in which they came, for at most `wait_seconds`.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, exclusive: bool, wait_seconds: float) -> None:
        self._connect = connect
        self._exclusive = exclusive
        self._wait_seconds = wait_seconds
        # Only one writer is in the queue below. More of them would hold up the readers that come after them.
        self._writer = threading.Lock()
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()
        self._idle: list[sqlite3.Connection] = []
        self._users = 0  # those that wait, too
        self._in_use = 0
        self._is_writing = False
        self._is_closing = False
        self._is_closed = False

    @contextmanager
    def connection(self, *, is_writer: bool) -> Iterator[sqlite3.Connection]:
        """A connection that no other thread uses meanwhile. Raises StoreError, or what `connect` raises."""
        with self._use(), self._writer if is_writer else nullcontext(), self._place(is_writer):
            connection = self._idle_connection() or self._connect()
            try:
                yield connection
            finally:
                self._give_back(connection)

    def close(self) -> None:
        """Refuse new users and wait for the others, then close the connections: one that is closed beneath a statement
        ends the process. A user that takes longer than `wait_seconds` closes its connection itself.
        """
        with self._changed:
            self._is_closing = True
            self._changed.wait_for(lambda: not self._users, self._wait_seconds)
            self._is_closed = True
            while self._idle:
                self._idle.pop().close()

    @contextmanager
    def _use(self) -> Iterator[None]:
        with self._changed:
            if self._is_closing:
                raise StoreError("the event store is closed", "open it again")
            self._users += 1
        try:
            yield
        finally:
            with self._changed:
                self._users -= 1
                self._changed.notify_all()

    @contextmanager
    def _place(self, is_writer: bool) -> Iterator[None]:
        with self._changed:
            self._queue_for_place(is_writer)
            self._in_use += 1
            self._is_writing |= is_writer
        try:
            yield
        finally:
            with self._changed:
                self._in_use -= 1
                self._is_writing &= not is_writer
                self._changed.notify_all()

    def _queue_for_place(self, is_writer: bool) -> None:
        turn = object()
        self._queue.append(turn)
        try:
            if not self._changed.wait_for(
                lambda: self._queue[0] is turn and self._has_place(is_writer), self._wait_seconds
            ):
                raise StoreError(f"the event store is too busy: no connection in {self._wait_seconds:g} s", "try again")
        finally:
            self._queue.remove(turn)
            self._changed.notify_all()

    def _has_place(self, is_writer: bool) -> bool:
        if self._exclusive and (self._is_writing or (is_writer and self._in_use)):
            return False
        return self._in_use < MAX_IN_USE

    def _idle_connection(self) -> sqlite3.Connection | None:
        with self._changed:
            return self._idle.pop() if self._idle else None

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._changed:
            is_kept = len(self._idle) < MAX_IDLE and not self._is_closed
            if is_kept:
                self._idle.append(connection)
        if not is_kept:
            connection.close()
