"""Servers in processes of their own, each on one core, measured by the CPU they use."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

from tests.processes import checkout_variables, module_command

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_CLIENT_CORE, _SERVER_CORE = 1, 0


class Server(NamedTuple):
    url: str
    pid: int

    def cpu_seconds(self) -> float:
        """What the process has used so far, all threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND

    def resident_mb(self) -> float:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def server(folder: Path, *command: str, **variables: str) -> Iterator[Server]:
    """A Python module that serves and writes a ready file with its URL; alone on one core, this process on another."""
    ready = folder / f"ready-{len(list(folder.iterdir()))}.json"
    arguments = module_command(*command, "--port", "0", "--ready-file", str(ready))
    with (folder / f"{ready.stem}.log").open("w") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log, env={**checkout_variables(), **variables})
        _pin(process.pid, _SERVER_CORE)
        _pin(0, _CLIENT_CORE)
        try:
            while not ready.exists():
                if process.poll() is not None:
                    raise RuntimeError(Path(log.name).read_text())
                time.sleep(0.02)
            yield Server(json.loads(ready.read_bytes())["url"], process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def send(method: str, url: str, body: Any = None) -> Any:
    """The JSON answer to a request with a JSON body."""
    content = None if body is None else json.dumps(body).encode()
    request = Request(url, content, {"Content-Type": "application/json"}, method=method)
    with urlopen(request) as answer:
        return json.loads(answer.read() or b"null")


def _pin(pid: int, core: int) -> None:
    """Where there are several cores, and the system lets one choose."""
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setaffinity(pid, {core % len(os.sched_getaffinity(0) | {_SERVER_CORE, _CLIENT_CORE})})
