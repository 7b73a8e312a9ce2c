"""The service as a real process: signals, tokens, bodies that are far too large."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.e2e.processes import ROOT, finish, running, wait_for
from tests.patience import patient

TOKENS = "ana:viewer:viewer-token-0123456,otto:operator:operator-token-01234"
CLIENTS = 20


@pytest.fixture
def ready_file(tmp_path: Path) -> Path:
    return tmp_path / "ready.json"


def client(ready_file: Path, process: subprocess.Popen[str], token: str = "") -> httpx.Client:
    wait_for(ready_file.exists, process)
    ready = json.loads(ready_file.read_bytes())
    assert ready["pid"] == process.pid
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=ready["url"], headers=headers, timeout=patient(120), trust_env=False)


def start_run(http: httpx.Client) -> None:
    definition = (ROOT / "examples" / "three-bus-depot.yaml").read_bytes()
    created = http.post("/simulation-configurations", content=definition, headers={"Content-Type": "application/yaml"})
    assert created.status_code == 201, created.text
    body = {"configuration_id": created.json()["id"], "run_id": "r", "tick": "1 s", "clock": {"speed": "50"}}
    assert http.post("/simulation-runs", json=body).status_code == 201


def test_a_signal_ends_open_streams_and_gives_the_runs_back(sqlite_url: str, ready_file: Path) -> None:
    with (
        running("serve", "--db", sqlite_url, "--port", "0", "--ready-file", str(ready_file)) as process,
        client(ready_file, process) as http,
        ExitStack() as streams,
    ):
        start_run(http)
        following = [
            streams.enter_context(
                http.stream("GET", "/simulation-runs/r/events", headers={"Accept": "text/event-stream"})
            ).iter_bytes()
            for _ in range(CLIENTS)
        ]
        for stream in following:
            assert next(stream)
        reading = [threading.Thread(target=list, args=(stream,)) for stream in following]
        for thread in reading:
            thread.start()
        began = time.monotonic()
        process.terminate()
        for thread in reading:
            thread.join(patient(60))
        finished = finish(process)

    assert finished.code == 0, finished.err
    assert time.monotonic() - began < 5
    ready_file.unlink()
    with (
        running("serve", "--db", sqlite_url, "--port", "0", "--ready-file", str(ready_file)) as process,
        client(ready_file, process) as http,
    ):
        events = [json.loads(line) for line in _lines(http)]
    types = [event["type"] for event in events if event["type"] != "run.ticked.1"]
    assert types[-3:] == ["run.lease-released.1", "run.lease-acquired.1", "run.resumed.1"]


def test_no_token_is_ever_written_down(sqlite_url: str, ready_file: Path) -> None:
    arguments = ("serve", "--db", sqlite_url, "--port", "0", "--ready-file", str(ready_file))
    with running(*arguments, DEPOT_SIM_TOKENS=TOKENS) as process:
        with client(ready_file, process, "operator-token-01234") as http:
            start_run(http)
            assert http.get("/simulation-runs").status_code == 200
        with client(ready_file, process, "a-token-nobody-has") as http:
            assert http.get("/simulation-runs?token=a-token-nobody-has").status_code == 401
        process.terminate()
        finished = finish(process)

    written = finished.out + finished.err
    assert "ready" in written
    for token in ("viewer-token", "operator-token", "a-token-nobody-has"):
        assert token not in written


def test_a_body_of_50_mb_is_refused_and_takes_no_memory(sqlite_url: str, ready_file: Path) -> None:
    def body() -> Iterator[bytes]:
        for _ in range(50):
            yield b" " * 2**20

    with (
        running("serve", "--db", sqlite_url, "--port", "0", "--ready-file", str(ready_file)) as process,
        client(ready_file, process) as http,
    ):
        http.get("/simulation-runs")
        before = _resident_mb(process.pid)
        headers = {"Content-Type": "application/json"}
        announced = http.post("/simulation-configurations", content=b" " * (50 * 2**20), headers=headers)
        assert announced.status_code == 413
        assert _peak_mb(process.pid) - before < 10
        streamed = http.post("/simulation-configurations", content=body(), headers=headers)
        assert streamed.status_code == 413
        assert _peak_mb(process.pid) - before < 80
        assert http.get("/simulation-configurations").json()["configurations"] == []


def _lines(http: httpx.Client) -> list[str]:
    return http.get("/simulation-runs/r/events", headers={"Accept": "application/jsonl"}).text.splitlines()


def _resident_mb(pid: int) -> float:
    return _status_kb(pid, "VmRSS") / 1_024


def _peak_mb(pid: int) -> float:
    return _status_kb(pid, "VmHWM") / 1_024


def _status_kb(pid: int, name: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name))
