"""On a SQLite file one process writes at a time, and the next has everything the moment the first is gone."""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from depot_sim.adapters.event_store import read_event_log
from depot_sim.adapters.event_store.sqlite_version import loaded_library
from tests.adapters.cli import command_line
from tests.e2e.processes import ROOT, Finished, depot_sim, running, wait_for
from tests.patience import patient

RUNS = ("r1", "r2", "r3")


class Service(NamedTuple):
    process: subprocess.Popen[str]
    url: str
    http: httpx.Client


@contextmanager
def service(db: str, folder: Path) -> Iterator[Service]:
    """On any free port, so another address every time; killed at the end if it is still there."""
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    with running("serve", "--db", db, "--port", "0", "--ready-file", str(ready)) as process:
        wait_for(ready.exists, process)
        url = str(json.loads(ready.read_bytes())["url"])
        with httpx.Client(base_url=url, timeout=patient(60), trust_env=False) as http:
            yield Service(process, url, http)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("one-writer")


@pytest.fixture(scope="module")
def db(folder: Path) -> str:
    return f"sqlite:///{folder / 'store.db'}"


@pytest.fixture(scope="module")
def served(db: str, folder: Path) -> Iterator[Service]:
    """A service with a few runs, which the tests of this module share."""
    with service(db, folder) as opened:
        start_runs(opened.http)
        yield opened


def test_the_start_says_which_sqlite_is_loaded(served: Service) -> None:
    assert served.process.stdout is not None
    assert served.process.stdout.readline() == f"depot-sim serves {served.url} with {loaded_library()}\n"


WRITERS = (
    ("run", "three-bus-depot", "--for", "1h"),
    ("run", "--resume", "r1"),
    ("read-models", "rebuild", "--all"),
)


def test_a_second_service_is_refused_and_told_who_holds_the_file(served: Service, db: str) -> None:
    assert_refused(depot_sim("serve", "--port", "0", "--db", db), served)


@pytest.mark.parametrize("command", WRITERS, ids=" ".join)
def test_a_second_writer_is_refused_and_told_who_holds_the_file(
    served: Service, db: str, command: tuple[str, ...]
) -> None:
    assert_refused(command_line.depot_sim(*command, "--db", db), served)


def assert_refused(refused: Finished | command_line.Result, served: Service) -> None:
    assert refused.code == 3
    assert f"process {served.process.pid} on" in refused.err
    assert served.url in refused.err
    assert "PostgreSQL" in refused.err
    assert refused.out == ""


def test_a_second_writer_is_refused_without_the_lock_file(served: Service, db: str, folder: Path) -> None:
    lock, kept = folder / "store.db.lock", folder / "kept.lock"
    lock.rename(kept)
    try:
        refused = depot_sim("serve", "--port", "0", "--db", db)
    finally:
        kept.replace(lock)
    assert (refused.code, refused.out) == (3, "")
    assert "whose lock file was deleted" in refused.err
    assert served.http.post("/simulation-runs/r3/commands/tick", json={"count": 1}).status_code == 200


def test_a_stopped_service_still_holds_the_file(served: Service, db: str) -> None:
    served.process.send_signal(signal.SIGSTOP)
    try:
        refused = command_line.depot_sim("run", "three-bus-depot", "--for", "1h", "--db", db)
    finally:
        served.process.send_signal(signal.SIGCONT)
    assert (refused.code, str(served.process.pid) in refused.err) == (3, True)


def test_readers_read_beside_the_service(served: Service, db: str) -> None:
    assert served.http.post("/simulation-runs/r1/commands/tick", json={"count": 2}).status_code == 200
    assert [run["id"] for run in read("runs", db).json] == list(reversed(RUNS))
    assert read("world", db, "r1").json["at"] == served.http.get("/simulation-runs/r1/world").json()["at"]
    assert read("events", db, "r1").out
    assert read("replay", db, "r1").json["events"] > 2
    assert {one["read_model"] for one in read("read-models status", db).json} >= {"runs", "power"}


def read(command: str, db: str, *arguments: str) -> command_line.Result:
    finished = command_line.depot_sim(*command.split(), *arguments, "--db", db, "--json")
    assert finished.code in (0, 1), finished.err  # 1: a run without a recorded state hash proves nothing
    return finished


def test_read_models_are_rebuilt_over_http_while_a_service_has_the_file(served: Service) -> None:
    rebuilt = command_line.depot_sim("read-models", "rebuild", "--all", "--verify", "--url", served.url, "--json")
    assert rebuilt.code == 0, rebuilt.err
    assert all(one["position"] > 0 and one["equal"] is not False for one in rebuilt.json)
    assert {one["read_model"] for one in rebuilt.json} >= {"runs", "power"}
    listed = [run["id"] for run in served.http.get("/simulation-runs").json()["runs"]]
    assert listed == list(reversed(RUNS))


def test_an_unknown_read_model_is_not_rebuilt(served: Service) -> None:
    answer = served.http.post("/read-models/moods/rebuild")
    assert (answer.status_code, "read models: " in answer.json()["hint"]) == (404, True)


def readiness(served: Service) -> tuple[int, str]:
    answer = served.http.get("/readyz")
    return answer.status_code, answer.json()["checks"]["store writes"]


def test_a_service_whose_disk_refuses_writes_is_not_ready(served: Service) -> None:
    assert readiness(served) == (200, "ok")
    pid = served.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, limits[1]))  # every write to a file fails
    try:
        refused = served.http.post("/simulation-runs/r2/commands/tick", json={"count": 1})
        assert refused.status_code == 503
        status, fault = readiness(served)
        assert (status, "the disk failed" in fault) == (503, True)
        assert b"depot_sim_store_writable 0.0" in served.http.get("/metrics").content
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
    wait_for(lambda: readiness(served) == (200, "ok"), served.process)
    assert b"depot_sim_store_writable 1.0" in served.http.get("/metrics").content


def test_a_service_whose_file_another_program_has_locked_is_not_ready(served: Service, db: str) -> None:
    with closing(sqlite3.connect(db.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        wait_for(lambda: readiness(served) == (503, "no commit within 2 s"), served.process)
        other.execute("ROLLBACK")
    wait_for(lambda: readiness(served) == (200, "ok"), served.process)


def test_a_killed_service_leaves_nothing_to_wait_for(sqlite_url: str, tmp_path: Path) -> None:
    with service(sqlite_url, tmp_path) as first:
        start_runs(first.http)
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()
    with service(sqlite_url, tmp_path) as second:
        # Taken over before the service says that it is ready, at whatever address.
        holders = [second.http.get(f"/simulation-runs/{run_id}").json()["holder"] for run_id in RUNS]
        assert [str(holder).partition("#")[0] for holder in holders] == [second.url] * len(RUNS)
        assert second.http.post("/simulation-runs/r1/commands/tick", json={"count": 1}).status_code == 200
    with read_event_log(sqlite_url) as log:
        for run_id in RUNS:
            leases = [row for row in log.read_stream(f"run-{run_id}") if row.topic == "run.lease-acquired.1"]
            assert len(leases) == 2


def start_runs(http: httpx.Client) -> None:
    definition = (ROOT / "examples" / "three-bus-depot.yaml").read_bytes()
    yaml = {"Content-Type": "application/yaml"}
    created = http.post("/simulation-configurations", content=definition, headers=yaml).json()
    for run_id in RUNS:
        body = {"configuration_id": created["id"], "run_id": run_id, "clock": {"mode": "MANUAL"}}
        assert http.post("/simulation-runs", json=body).status_code == 201
