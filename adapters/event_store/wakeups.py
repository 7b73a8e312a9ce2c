"""Wake-ups of readers that wait for the log to grow: one condition and one watching thread per store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from depot_sim.domain.kernel.errors import StoreError


class Wakeups:
    """Knows how far the log is: told by this process's own commits, and by `watch` about everybody else's.

    `watch` runs in a thread of its own from the first wait on. It looks once when it starts, then calls advance()
    whenever the log grew, and returns soon after `closing` is set. Without it the log has no other writers.
    """

    def __init__(
        self, watch: Callable[[Wakeups], None] | None = None, *, interrupt: Callable[[], None] = lambda: None
    ) -> None:
        """`interrupt` is called when `closing` has been set, to end a wait of the watcher for something else."""
        self.closing = threading.Event()
        self._watch = watch
        self._interrupt = interrupt
        self._watcher: threading.Thread | None = None
        self._grown = threading.Condition()
        self._head = 0

    def advance(self, position: int) -> None:
        """The log is committed up to `position`."""
        with self._grown:
            if position > self._head:
                self._head = position
                self._grown.notify_all()

    def wait_beyond(self, position: int, timeout: float) -> bool:
        """False after `timeout` seconds, or when the store is closed meanwhile."""
        deadline = time.monotonic() + timeout
        with self._grown:
            self._ensure_watched()
            while self._head <= position and not self.closing.is_set():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._grown.wait(left)
            return self._head > position

    def close(self) -> None:
        """Let every waiter go and join the watcher."""
        with self._grown:
            self.closing.set()
            watcher = self._watcher
            self._grown.notify_all()
        self._interrupt()
        if watcher is not None:
            watcher.join()

    def _ensure_watched(self) -> None:
        if self.closing.is_set():
            raise StoreError("the event store is closed", "open it again")
        if self._watch is None or (self._watcher is not None and self._watcher.is_alive()):
            return
        self._watcher = threading.Thread(target=self._watch, args=(self,), name="event-log-watch", daemon=True)
        self._watcher.start()
