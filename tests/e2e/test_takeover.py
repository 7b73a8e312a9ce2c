"""Two service processes on one PostgreSQL: one runs the run, the other takes over when it is gone or stands still."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest

from tests.e2e.processes import ROOT, running, wait_for
from tests.full_set import only_full
from tests.patience import looks, patient

TAKEOVER_SECONDS = 10.0


class Server(NamedTuple):
    process: subprocess.Popen[str]
    http: httpx.Client
    url: str


@contextmanager
def server(db: str, folder: Path, name: str, port: int = 0) -> Iterator[Server]:
    ready = folder / f"{name}.json"
    with running("serve", "--db", db, "--port", str(port), "--ready-file", str(ready)) as process:
        wait_for(ready.exists, process)
        url = json.loads(ready.read_bytes())["url"]
        with httpx.Client(base_url=url, timeout=patient(120), trust_env=False) as http:
            yield Server(process, http, url)


def start_run(http: httpx.Client) -> None:
    """In real time, twenty ticks a second."""
    definition = (ROOT / "examples" / "three-bus-depot.yaml").read_bytes()
    created = http.post("/simulation-configurations", content=definition, headers={"Content-Type": "application/yaml"})
    body = {"configuration_id": created.json()["id"], "run_id": "r", "tick": "1 s", "clock": {"speed": "20"}}
    assert http.post("/simulation-runs", json=body).status_code == 201


def run_of(http: httpx.Client) -> Any:
    return http.get("/simulation-runs/r").json()


def until(reached: Callable[[], bool]) -> float:
    """How long it took."""
    began = time.monotonic()
    for _ in looks():
        if reached():
            return time.monotonic() - began
    raise AssertionError("it does not come")


@pytest.mark.parametrize("how", [only_full(signal.SIGKILL), signal.SIGSTOP])
def test_the_other_process_takes_a_run_over_and_the_first_can_append_nothing_more(
    postgres_url: str, tmp_path: Path, how: signal.Signals
) -> None:
    with server(postgres_url, tmp_path, "one") as one, server(postgres_url, tmp_path, "two") as two:
        start_run(one.http)
        until(lambda: run_of(two.http)["ticks"] > 10)
        refused = two.http.post("/simulation-runs/r/commands/pause")
        assert (refused.status_code, refused.json()["holder"].partition("#")[0]) == (409, one.url)

        os.kill(one.process.pid, how)
        assert until(lambda: str(run_of(two.http)["holder"]).startswith(two.url)) < TAKEOVER_SECONDS
        ticks = run_of(two.http)["ticks"]
        until(lambda: run_of(two.http)["ticks"] > ticks + 10)
        if how is signal.SIGSTOP:
            os.kill(one.process.pid, signal.SIGCONT)
            late = one.http.post("/simulation-runs/r/commands/pause", timeout=patient(120))
            assert late.status_code == 409, late.text
        assert two.http.post("/simulation-runs/r/commands/stop").status_code == 200
        lines = two.http.get("/simulation-runs/r/events", headers={"Accept": "application/jsonl"}).text.splitlines()

    events = [json.loads(line) for line in lines]
    assert [event["version"] for event in events] == list(range(1, len(events) + 1))
    leases = [event for event in events if event["type"] == "run.lease-acquired.1"]
    assert [lease["data"]["owner"].partition("#")[0] for lease in leases] == [one.url, two.url]
    ats = [event["data"]["at"] for event in events]
    assert ats == sorted(ats)


def test_a_killed_process_that_is_started_again_has_its_run_at_once(postgres_url: str, tmp_path: Path) -> None:
    """Its predecessor's lease is valid for seconds to come, but its owner is proved dead."""
    with server(postgres_url, tmp_path, "first") as first:
        start_run(first.http)
        until(lambda: run_of(first.http)["ticks"] > 10)
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("UPDATE leases SET expires = now() + interval '1 hour'")
    port = int(first.url.rpartition(":")[2])
    with server(postgres_url, tmp_path, "again", port) as again:
        until(lambda: run_of(again.http)["holder"] is not None)
        assert str(run_of(again.http)["holder"]).startswith(again.url)
        ticks = run_of(again.http)["ticks"]
        until(lambda: run_of(again.http)["ticks"] > ticks)
