"""A service that is killed and started again, always on the same store and at the same address."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

from tests.e2e.processes import start
from tests.e2e.test_kill import free_port
from tests.patience import patient

_MOST_OUTPUT = 20_000  # characters of a process that ended by itself


class Service:
    """`starts` counts processes; `crashes` describes those that ended before they were killed or asked to stop."""

    def __init__(self, db: str, folder: Path) -> None:
        self._db = db
        self._ready_file = folder / "ready.json"
        self._port = free_port()
        self._process: subprocess.Popen[str] | None = None
        self.url = f"http://127.0.0.1:{self._port}"
        self.starts = 0
        self.crashes: list[str] = []

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start a process; it is not ready yet."""
        self._ready_file.unlink(missing_ok=True)
        options = ("--db", self._db, "--port", str(self._port), "--ready-file", str(self._ready_file))
        self._process = start("serve", *options)
        self.starts += 1

    def wait(self) -> bool:
        """Wait until the service listens; False when the process has ended instead."""
        deadline = time.monotonic() + patient(120)
        while self.runs and not self._ready_file.exists():
            if time.monotonic() > deadline:
                raise TimeoutError("the service does not start")
            time.sleep(0.005)
        return self.runs

    def kill(self) -> None:
        """End the process by SIGKILL; it has crashed when it is gone already."""
        self._end(signal.SIGKILL, -signal.SIGKILL)

    def stop(self) -> None:
        """End the process by SIGTERM; it has crashed when its exit code is not 0."""
        self._end(signal.SIGTERM, 0)

    def _end(self, how: signal.Signals, expected: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        ended_by_itself = process.poll() is not None
        process.send_signal(how)
        out, err = process.communicate(timeout=patient(60))
        if ended_by_itself or process.returncode != expected:
            self.crashes.append(f"exit code {process.returncode}: {(out + err)[-_MOST_OUTPUT:]}")
