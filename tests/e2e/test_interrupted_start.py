"""Ctrl-C and SIGTERM while a command starts: one word or nothing, never a traceback."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.processes import Finished, finish, killed_at_end, start_module, wait_for

SERVE = ("depot_sim.bootstrap.main", "serve", "--port", "0", "--db", "sqlite://")
COMMANDS = [
    SERVE,
    ("depot_sim.standin", "--port", "0"),
    ("depot_sim.bootstrap.main", "standin", "--port", "0"),
    ("depot_sim.bootstrap.main", "demo"),
]


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Processes get SIGINT, also where the tests were started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def has_imported(process: subprocess.Popen[str], name: str) -> bool:
    """Whether the process has loaded a shared library of this name."""
    return name in Path(f"/proc/{process.pid}/maps").read_text()


def stopped_while_importing(command: Sequence[str], number: signal.Signals, folder: Path) -> Finished:
    """What a command ended with that got the signal when it had imported msgspec, an early part of it."""
    with killed_at_end(start_module(*command, cwd=folder)) as process:
        wait_for(lambda: has_imported(process, "msgspec/"), process)
        process.send_signal(number)
        return finish(process)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_ctrl_c_during_the_imports_is_told_in_one_word(command: Sequence[str], tmp_path: Path) -> None:
    assert stopped_while_importing(command, signal.SIGINT, tmp_path) == (130, "", "interrupted\n")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_sigterm_during_the_imports_ends_without_a_word(command: Sequence[str], tmp_path: Path) -> None:
    assert stopped_while_importing(command, signal.SIGTERM, tmp_path) == (-signal.SIGTERM, "", "")
