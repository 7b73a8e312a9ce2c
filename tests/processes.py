"""Python modules as processes: started, waited for, and killed when a test ends."""

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

ROOT = Path(__file__).parents[1]
_PATIENCE_SECONDS = patient(60)


class Finished(NamedTuple):
    """Exit code and what was written."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def module_command(module: str, *arguments: str) -> list[str]:
    """`python -m module`. With -P it imports nothing from the working directory, whatever packages that has."""
    return [sys.executable, "-P", "-m", module, *arguments]


def checkout_variables() -> dict[str, str]:
    """The environment of this process, and the checkout on the path, where `tests` and `bench` are imported from."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def start_module(
    module: str, *arguments: str, cwd: Path | str = ROOT, variables: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """`python -m module` with these environment variables and none of depot-sim's own; its output goes to pipes."""
    inherited = {name: value for name, value in checkout_variables().items() if not name.startswith("DEPOT_SIM_")}
    return subprocess.Popen(
        module_command(module, *arguments),
        cwd=cwd,
        env={**inherited, "COLUMNS": "80", **(variables or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def killed_at_end(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Kill the process with the block, if it still runs."""
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def finish(process: subprocess.Popen[str]) -> Finished:
    """Wait for its end."""
    out, err = process.communicate(timeout=_PATIENCE_SECONDS)
    return Finished(process.returncode, out, err)


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until the condition holds; an error when the process ends before, or the condition never holds."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        if process.poll() is not None:
            raise AssertionError(f"the process has ended: {finish(process)}")
        if time.monotonic() > deadline:
            raise TimeoutError("the condition has not come to hold")
        time.sleep(0.002)
