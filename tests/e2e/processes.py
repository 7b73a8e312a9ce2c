"""The command line as real processes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import ROOT, Finished, finish, killed_at_end, module_command, start_module, wait_for

__all__ = ["COMMAND", "ROOT", "Finished", "depot_sim", "finish", "running", "serving", "start", "wait_for"]

COMMAND = module_command("depot_sim.bootstrap.main")


def start(*arguments: str, cwd: Path | str = ROOT, **variables: str) -> subprocess.Popen[str]:
    """A process that goes on by itself, with these environment variables and none of depot-sim's own beside."""
    return start_module("depot_sim.bootstrap.main", *arguments, cwd=cwd, variables=variables)


def depot_sim(*arguments: str, cwd: Path = ROOT) -> Finished:
    """One command, carried out."""
    return finish(start(*arguments, cwd=cwd))


@contextmanager
def running(*arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """A process that is killed at the end, if it is still there."""
    with killed_at_end(start(*arguments, **variables)) as process:
        yield process


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
