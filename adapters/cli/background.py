"""A service left behind in the background: started detached, found again, and stopped by whoever finds its folder.

The service inherits a locked file: while the lock is held, the process id beside it is the service's and nobody else's.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from depot_sim.adapters.cli.arguments import DEFAULT_PORT
from depot_sim.adapters.cli.failures import Unreachable

_START_SECONDS = 30
_STOP_SECONDS = 15
_POLL_SECONDS = 0.05
_SHOWN_LOG_LINES = 3


class Ready(msgspec.Struct, frozen=True):
    """What a service writes once it answers."""

    url: str
    pid: int


class BackgroundService:
    """At most one per folder, whose files are ours."""

    def __init__(self, folder: Path, command: Sequence[str]) -> None:
        self._command = command
        self._ready_file = folder / "ready.json"
        self._lock_file = folder / "service.lock"
        self._process: subprocess.Popen[bytes] | None = None
        self.log = folder / "service.log"

    def start(self, db: str) -> Ready:
        """Start it on loopback and wait until it answers. Raises Unreachable when it does not."""
        port = _free_port()
        try:
            return self._start(db, port)
        except Unreachable:
            if _free_port() == port:
                raise
            return self._start(db, 0)  # another process took the port after it was found free

    def _start(self, db: str, port: int) -> Ready:
        arguments = ("serve", "--db", db, "--port", str(port), "--ready-file", str(self._ready_file))
        self._ready_file.unlink(missing_ok=True)
        with self._lock_file.open("wb") as lock, self.log.open("wb") as log:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._process = subprocess.Popen(
                [*self._command, *arguments, "--log-format", "json"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={name: value for name, value in os.environ.items() if name != "DEPOT_SIM_TOKENS"},
                pass_fds=[lock.fileno()],
            )
        return self._wait_until_ready(self._process)

    def stop(self) -> bool:
        """Ask it to stop and wait until it has; False when there is none. One that hangs is killed."""
        was_running = self._is_running()
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._is_running():
                os.kill(self._read_ready().pid, number)
                self._wait_until_gone()
        if self._process is not None:
            self._process.wait()
        return was_running

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> Ready:
        for _ in _attempts(_START_SECONDS):
            if self._ready_file.exists():
                return self._read_ready()
            if process.poll() is not None:
                break
        process.kill()
        process.wait()
        said = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_SHOWN_LOG_LINES:]
        raise Unreachable("the service did not start: " + " ".join(said), f"see {self.log}")

    def _wait_until_gone(self) -> None:
        for _ in _attempts(_STOP_SECONDS):
            if not self._is_running():
                return

    def _is_running(self) -> bool:
        if not self._lock_file.exists() or not self._ready_file.exists():
            return False
        with self._lock_file.open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    def _read_ready(self) -> Ready:
        return msgspec.json.decode(self._ready_file.read_bytes(), type=Ready)


def _free_port() -> int:
    """The usual port, or 0 for any when somebody has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", DEFAULT_PORT))
        except OSError:
            return 0
        return DEFAULT_PORT


def _attempts(seconds: float) -> Iterator[None]:
    """One every few milliseconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(_POLL_SECONDS)
