"""Starts of the service that end by themselves: `python -m bench.cold_starts [STARTS]` (default: 400).

Each start opens a store that earlier starts have filled. As soon as the service answers, six clients read and write at
once; then it is killed, so that the next start has to take its runs and sessions up again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.processes import module_command

_ROOT = Path(__file__).parents[1]
_STARTS = 400
_LANES = 2  # each with a store of its own
_RUN = "/simulation-runs/cold"
_TIMEOUT_SECONDS = 120
_NEVER = "http://127.0.0.1:9"
"""Where no partner listens."""


class Outcome(NamedTuple):
    """`crashes` are the ends of services that ended before they were killed, with the end of what they wrote."""

    starts: int
    crashes: list[str]
    seconds: float


def main() -> None:
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else _STARTS
    with tempfile.TemporaryDirectory() as folder:
        outcome = cold_starts(Path(folder), starts)
    for crash in outcome.crashes:
        print(crash, file=sys.stderr)
    figures = {"value": len(outcome.crashes), "unit": "crashes", "starts": outcome.starts}
    print(json.dumps({"name": "cold_starts", **figures, "seconds": round(outcome.seconds, 1)}))


def cold_starts(folder: Path, starts: int) -> Outcome:
    """Start and kill a service so many times."""
    began = time.monotonic()
    shares = [len(range(lane, starts, _LANES)) for lane in range(_LANES)]
    with ThreadPoolExecutor(_LANES) as lanes:
        found = [each for lane in lanes.map(_lane, [folder] * _LANES, range(_LANES), shares) for each in lane]
    return Outcome(starts, found, time.monotonic() - began)


def _lane(folder: Path, lane: int, starts: int) -> list[str]:
    """The crashes of starts on one store, one after another."""
    own = folder / f"lane-{lane}"
    own.mkdir()
    return [crash for number in range(starts) if (crash := _start(own, number))]


def _start(folder: Path, number: int) -> str:
    """How the service ended when it ended by itself; "" when it lived until it was killed."""
    ready, log = folder / "ready.json", folder / "log"
    ready.unlink(missing_ok=True)
    command = module_command("depot_sim.bootstrap.main", "serve", "--db", f"sqlite:///{folder / 'store.db'}")
    variables = {name: value for name, value in os.environ.items() if not name.startswith("DEPOT_SIM_")}
    with (
        log.open("w") as output,
        subprocess.Popen(
            [*command, "--port", "0", "--ready-file", str(ready)],
            env=variables,
            stdout=output,
            stderr=output,
        ) as process,
    ):
        try:
            _wait(ready, process)
            if process.poll() is None:
                _work(json.loads(ready.read_bytes())["url"], number)
        except httpx.TransportError:
            if process.poll() is None and not _ends(process):
                raise
        finally:
            process.send_signal(signal.SIGKILL)
        code = process.wait()
    return "" if code == -signal.SIGKILL else f"exit code {code}: {log.read_text(errors='replace')[-2_000:]}"


def _ends(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process that has closed its connections is ending."""
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        return False
    return True


def _wait(ready: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while not ready.exists() and process.poll() is None:
        if time.monotonic() > deadline:
            raise TimeoutError("the service does not start")
        time.sleep(0.005)


def _work(url: str, number: int) -> None:
    """What six clients do at once. Raises httpx.TransportError when the service has ended."""
    with httpx.Client(base_url=url, timeout=_TIMEOUT_SECONDS, trust_env=False) as http:
        if number == 0:
            _begin(http)
        barrier = threading.Barrier(len(_CLIENTS))

        def at_once(client: Callable[[httpx.Client, int], None]) -> None:
            barrier.wait()
            client(http, number)

        with ThreadPoolExecutor(len(_CLIENTS)) as clients:
            list(clients.map(at_once, _CLIENTS))


def _begin(http: httpx.Client) -> None:
    depot = (_ROOT / "examples" / "three-bus-depot.yaml").read_bytes()
    created = _done(
        http.post("/simulation-configurations", content=depot, headers={"Content-Type": "application/yaml"})
    )
    request = {"configuration_id": created["id"], "run_id": "cold", "tick": "1 s", "clock": {"speed": "10"}}
    _done(http.post("/simulation-runs", json=request))
    request = {"configuration_id": created["id"], "run_id": "by-hand", "clock": {"mode": "MANUAL"}}
    _done(http.post("/simulation-runs", json=request))


def _attach_and_read_session(http: httpx.Client, number: int) -> None:
    request = {
        "managed_scope_id": "scope-grid-1",
        "betterfleet_base_url": f"{_NEVER}/oscp",
        "remote_configuration_id": f"configuration-{number}",
        "group_id": "group-1",
        "measurement_publication_mode": "GROUP",
        "measurement_configuration": "INTERMITTENT",
    }
    session = _done(http.post(f"{_RUN}/oscp-sessions", json=request))
    _done(http.get(f"{_RUN}/oscp-sessions/{session['session_id']}"))


def _read_sessions(http: httpx.Client, _: int) -> None:
    _done(http.get("/oscp-sessions"))
    _done(http.get("/readyz"))


def _command(http: httpx.Client, number: int) -> None:
    soc = f"{60 + number % 40} %"
    _done(http.post(f"{_RUN}/commands/set-target-soc", json={"vehicle": "bus-1", "soc": soc}))


def _tick(http: httpx.Client, _: int) -> None:
    _done(http.post("/simulation-runs/by-hand/commands/tick", json={"count": 10}))
    _done(http.get("/simulation-runs/by-hand"))


def _read_events(http: httpx.Client, _: int) -> None:
    answer = http.get("/events", params={"limit": 1_000}, headers={"Accept": "application/jsonl"})
    assert answer.status_code == 200, answer.text


def _read_run(http: httpx.Client, _: int) -> None:
    _done(http.get(_RUN))
    _done(http.get(f"{_RUN}/power", params={"node": "grid"}))


_CLIENTS = (_attach_and_read_session, _read_sessions, _command, _tick, _read_events, _read_run)


def _done(answer: httpx.Response) -> Any:
    assert answer.status_code < 300, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    return answer.json()


if __name__ == "__main__":
    main()
