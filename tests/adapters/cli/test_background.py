"""A service left behind is found again, stopped, and never taken for another process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from depot_sim.adapters.cli import background
from depot_sim.adapters.cli.arguments import DEFAULT_PORT
from depot_sim.adapters.cli.background import BackgroundService
from depot_sim.adapters.cli.failures import Unreachable

READY = """
import json, os, signal, sys, time
{before}
file = sys.argv[sys.argv.index("--ready-file") + 1]
with open(file + ".part", "w") as ready:
    json.dump({{"url": "http://127.0.0.1:1", "pid": os.getpid()}}, ready)
os.replace(file + ".part", file)
signal.pause()
"""


def service(folder: Path, script: str) -> BackgroundService:
    return BackgroundService(folder, (sys.executable, "-c", script))


def test_it_is_started_and_stopped(tmp_path: Path) -> None:
    started = service(tmp_path, READY.format(before=""))
    ready = started.start("memory:")

    assert ready.url == "http://127.0.0.1:1"
    assert service(tmp_path, "").stop(), "whoever finds the folder can stop it"
    assert not started.stop()


def test_one_that_does_not_listen_to_reason_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_STOP_SECONDS", 0.2)
    deaf = service(tmp_path, READY.format(before="signal.signal(signal.SIGTERM, signal.SIG_IGN)"))
    deaf.start("memory:")

    assert deaf.stop()
    assert not deaf.stop()


def test_one_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="no more chargers") as error:
        service(tmp_path, "import sys; sys.exit('no more chargers')").start("memory:")
    assert str(tmp_path / "service.log") in error.value.hint


def test_port_that_is_taken_after_it_was_found_free_is_replaced_by_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter([DEFAULT_PORT, 0])
    monkeypatch.setattr(background, "_free_port", lambda: next(found))
    taken = "if sys.argv[sys.argv.index('--port') + 1] != '0': sys.exit('Address already in use')"
    started = service(tmp_path, READY.format(before=taken))

    assert started.start("memory:").url == "http://127.0.0.1:1"
    assert started.stop()


def test_a_process_id_that_was_given_away_is_left_alone(tmp_path: Path) -> None:
    """The file names this very process; without the lock it is not the service."""
    (tmp_path / "ready.json").write_text(f'{{"url": "http://127.0.0.1:1", "pid": {os.getpid()}}}')
    (tmp_path / "service.lock").touch()

    assert not service(tmp_path, "").stop()


def test_it_is_served_without_the_tokens_of_whoever_starts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPOT_SIM_TOKENS", "ann:operator:0123456789abcdef")
    checked = service(tmp_path, READY.format(before="assert 'DEPOT_SIM_TOKENS' not in os.environ"))

    checked.start("memory:")
    assert checked.stop()
