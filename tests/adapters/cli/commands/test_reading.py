"""`depot-sim runs`, `world` and `events`, straight from a store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from depot_sim.adapters.cli.client import Client
from depot_sim.adapters.cli.commands import runs
from depot_sim.adapters.event_store import open_event_store
from depot_sim.application.event_log import Append, StreamWrite
from depot_sim.domain.kernel.events import encode
from depot_sim.domain.run.events import ResumeReason, SimulationRunPaused, SimulationRunResumed
from tests.adapters.cli.command_line import depot_sim


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with two finished runs, "one" of 6 h and "two" of 1 h."""
    url = f"sqlite:///{tmp_path_factory.mktemp('store') / 'depot.db'}"
    for run_id, length in (("one", "6h"), ("two", "1h")):
        run = ("run", "three-bus-depot", "--for", length, "--seed", "7", "--run-id", run_id)
        assert depot_sim(*run, "--db", url, "--json").code == 0
    return url


def read_events(db: str, *options: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in depot_sim("events", "one", "--db", db, "--json", *options).out.splitlines()]


def test_runs_are_listed_newest_first(db: str) -> None:
    runs = depot_sim("runs", "--db", db, "--json").json

    assert [(run["id"], run["status"], run["time"]) for run in runs] == [
        ("two", "STOPPED", "2026-03-02T13:00:00.000+00:00"),
        ("one", "STOPPED", "2026-03-02T18:00:00.000+00:00"),
    ]
    assert {(run["name"], run["seed"]) for run in runs} == {("Three-bus depot", 7)}


def test_people_get_a_table_of_runs(db: str) -> None:
    lines = depot_sim("runs", "--db", db, "--limit", "1").out.splitlines()

    assert lines[0].split() == ["run", "status", "depot", "seed", "logical", "time"]
    assert len(lines) == 2
    assert lines[1].startswith("two  STOPPED")


def test_an_empty_store_has_no_runs() -> None:
    code, out, err = depot_sim("runs", "--db", "memory:")

    assert (code, out, err) == (0, "", "no runs yet\n")


@pytest.mark.parametrize(("reason", "status"), [(ResumeReason.OPERATOR, "RUNNING"), (ResumeReason.RESTART, "PAUSED")])
def test_a_paused_run_stays_paused_until_an_operator_resumes_it(
    reason: ResumeReason, status: str, sqlite_url: str
) -> None:
    depot_sim("run", "three-bus-depot", "--for", "1h", "--run-id", "r", "--db", sqlite_url, "--json")
    with open_event_store(sqlite_url) as store:
        version = store.log.stream_version("run-r")
        events = [encode(SimulationRunPaused(3_600_000)), encode(SimulationRunResumed(3_600_000, reason))]
        store.log.append(Append([StreamWrite("run-r", version, events)]))

    (run,) = depot_sim("runs", "--db", sqlite_url, "--json").json

    assert run["status"] == status


def test_the_world_is_told_at_any_earlier_moment(db: str) -> None:
    earlier = depot_sim("world", "one", "--at", "+2h", "--db", db, "--json").json
    same = depot_sim("world", "one", "--at", "2026-03-02T14:00:00+00:00", "--db", db, "--json").json
    now = depot_sim("world", "one", "--db", db, "--json").json

    assert (earlier["at"], earlier["status"]) == (7_200_000, "RUNNING")
    assert earlier == same
    assert (now["at"], now["status"]) == (6 * 3_600_000, "STOPPED")
    assert [vehicle["id"] for vehicle in now["vehicles"]] == ["bus-1", "bus-2", "bus-3"]


def test_people_get_a_table_for_every_kind_of_thing(db: str) -> None:
    out = depot_sim("world", "one", "--db", db).out

    assert out.startswith("run one, stopped, 2026-03-02T18:00:00.000+00:00, event ")
    for heading in ("node ", "vehicle ", "connector ", "sensor ", "controller "):
        assert f"\n{heading}" in out
    assert "\nbattery " not in out


def test_storage_and_generation_are_shown_where_they_are(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'depot.db'}"
    depot_sim("run", "leichhardt-like", "--for", "10min", "--run-id", "r", "--db", url, "--json")

    out = depot_sim("world", "r", "--db", url).out

    assert "\nbattery  " in out
    assert "\npv  " in out


@pytest.mark.parametrize("at", ["noon", "+x", "2026-03-02T11:59:59+00:00", "2026-03-02T14:00:00"])
def test_a_moment_that_cannot_be_is_refused(at: str, db: str) -> None:
    code, _, err = depot_sim("world", "one", "--at", at, "--db", db)

    assert code == 2
    assert "/at" in err


def test_events_come_in_order_each_once(db: str) -> None:
    events = read_events(db)
    first = depot_sim("events", "one", "--db", db).out.splitlines()[0].split()

    assert [event["version"] for event in events] == list(range(1, len(events) + 1))
    assert first[1:3] == ["00:00:00", "run.started.1"]


def test_events_can_be_chosen_by_type_and_position(db: str) -> None:
    everything = read_events(db)
    after = everything[9]["position"]

    chosen = read_events(db, "--type", "run.ticked.1", "--after", str(after))

    expected = [event for event in everything if event["type"] == "run.ticked.1" and event["position"] > after]
    assert chosen == expected


@pytest.mark.parametrize(("action", "status"), [("stop", "STOPPED"), ("pause", "PAUSED"), ("resume", "RUNNING")])
def test_a_run_of_a_server_is_stopped_paused_and_resumed(
    action: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, request.url.path))
        return httpx.Response(200, json={"run_id": "tuesday", "status": status, "time": "2026-03-02T12:00:00Z"})

    client = Client("http://depot.example", transport=httpx.MockTransport(answer))
    monkeypatch.setattr(runs, "server", lambda _: client)
    changed = depot_sim("runs", action, "tuesday")
    assert (changed.code, changed.out) == (0, f"tuesday {status} at 2026-03-02T12:00:00Z\n")
    assert asked == [("POST", f"/simulation-runs/tuesday/commands/{action}")]
