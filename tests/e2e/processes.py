"""The command line as real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.patience import patient

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "bootstrap.main")
_PATIENCE_SECONDS = patient(60)


class Finished(NamedTuple):
    """Exit code and what was written."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def start(*arguments: str, cwd: Path | str = ROOT, **variables: str) -> subprocess.Popen[str]:
    """A process that goes on by itself, with these environment variables and none of depot-sim's own beside."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DEPOT_SIM_")}
    environment = {**inherited, "PYTHONPATH": str(ROOT), "COLUMNS": "80", **variables}
    return subprocess.Popen(
        [*COMMAND, *arguments], cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> Finished:
    out, err = process.communicate(timeout=_PATIENCE_SECONDS)
    return Finished(process.returncode, out, err)


def depot_sim(*arguments: str, cwd: Path = ROOT) -> Finished:
    """One command, carried out."""
    return finish(start(*arguments, cwd=cwd))


@contextmanager
def running(*arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """A process that is killed at the end, if it is still there."""
    process = start(*arguments, **variables)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def serving(db: str, folder: Path, port: int = 0, *options: str, **variables: str) -> Iterator[str]:
    """The URL of a service on this store, started with further options; it is asked to stop at the end."""
    ready_file = folder / "ready.json"
    ready_file.unlink(missing_ok=True)
    arguments = ("serve", "--db", db, "--port", str(port), "--ready-file", str(ready_file), *options)
    with running(*arguments, **variables) as process:
        wait_for(ready_file.exists, process)
        yield str(json.loads(ready_file.read_bytes())["url"])
        process.terminate()
        finished = finish(process)
        assert finished.code == 0, finished.err


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Until it holds; an error when the process ends before, or time is up."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        if process.poll() is not None:
            raise AssertionError(f"it has ended: {finish(process)}")
        if time.monotonic() > deadline:
            raise TimeoutError("it does not come")
        time.sleep(0.002)
