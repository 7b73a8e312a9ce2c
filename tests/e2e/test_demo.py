"""The demo: a day simulated, a run left behind that is served, twice in a row, stopped when asked to."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.e2e.processes import depot_sim
from tests.patience import patient

LEFT_BEHIND = re.compile(r"^  (http://127\.0\.0\.1:(\d+))/simulation-runs/(\S+)$", re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A working directory whose demo is stopped whatever happens."""
    yield tmp_path
    depot_sim("demo", "--stop", cwd=tmp_path)


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Somebody has the usual port: we, or who had it before."""
    with closing(socket.socket()) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            listener.bind(("127.0.0.1", 8420))
            listener.listen()
        socket.create_connection(("127.0.0.1", 8420)).close()
        yield 8420


def demo(folder: Path) -> tuple[str, str]:
    """Its URL and the id of the run it has left behind."""
    code, out, err = depot_sim("demo", cwd=folder)
    assert (code, err) == (0, "")
    assert "canonical sha256" in out
    assert "raw sha256" in out
    assert "█" in out
    found = LEFT_BEHIND.search(out)
    assert found is not None, out
    port = urlsplit(found[1]).port
    assert (f"Another program uses port 8420, so the demo's service has port {port}.\n" in out) == (port != 8420)
    return found[1], found[3]


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/livez", timeout=patient(60), trust_env=False).is_success
    except httpx.TransportError:
        return False


def test_a_demo_leaves_a_running_depot_behind_and_stops_when_asked(folder: Path, taken_port: int) -> None:
    url, run_id = demo(folder)
    runs = depot_sim("runs", "--url", url, "--json").json

    assert not url.endswith(f":{taken_port}")
    assert sorted(run["status"] for run in runs) == ["RUNNING", "STOPPED"]
    assert depot_sim("world", run_id, "--url", url, "--json").json["status"] == "RUNNING"

    stopped, again = depot_sim("demo", "--stop", cwd=folder), depot_sim("demo", "--stop", cwd=folder)
    assert (stopped.code, stopped.out) == (0, "the demo's service is stopped\n")
    assert again.code == 0
    assert f"in {folder / 'depot-sim-data' / 'demo'}; run " in again.out
    assert again.out.endswith("demo --stop in the folder where the demo was started\n")
    assert not answers(url)


@pytest.mark.full
def test_a_second_demo_takes_the_place_of_the_first(folder: Path) -> None:
    first_url, first_run = demo(folder)
    second_url, second_run = demo(folder)

    runs = depot_sim("runs", "--url", second_url, "--json").json
    assert len(runs) == 2
    assert second_run in [run["id"] for run in runs]
    assert first_run not in [run["id"] for run in runs]
    assert first_url == second_url or not answers(first_url)
