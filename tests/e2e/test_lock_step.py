"""Runs that are moved by hand, in step with a platform: right verdicts, equal hashes, advances that can be ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from aiohttp import web

from depot_sim.adapters.event_store import read_event_log
from depot_sim.domain.kernel.events import EncodedEvent
from depot_sim.domain.run.digest import RunDigest
from tests.adapters.cli.command_line import Result, depot_sim
from tests.e2e.conftest import Processes
from tests.e2e.oscp_sides import eventually
from tests.e2e.oscp_stage import start_run, url_of
from tests.e2e.packet_endpoint import Endpoint
from tests.e2e.processes import ROOT
from tests.e2e.test_kill import free_port, served
from tests.full_set import is_full, only_full
from tests.patience import patient

PLAYS = 50
MOST_SECONDS = 5
HEARTBEATS = """
name: heartbeats
depot: bba-microgrid
needs: {controller: controller, feed: packet-feed}
steps:
  - {at: 60 s,  expect: {on: $feed, within: 1 min, messages: [{message_types: [Heartbeat]}]}}
  - {at: 120 s, expect: {on: $feed, within: 1 min, messages: [{message_types: [Heartbeat]}]}}
  - {at: 180 s, expect: {on: $feed, within: 1 min, messages: [{message_types: [Heartbeat]}]}}
lasts: 5 min
"""
NEVER_REFUSED = """
name: never-refused
depot: bba-microgrid
needs: {controller: controller, feed: packet-feed}
steps:
  - at: 0 s
    expect:
      on: $feed
      never: true
      within: 5 min
      messages:
        - message_types: [Answer]
          where: [{header: ":status", at_least: "400"}, {header: ":status", at_most: "499"}]
lasts: 5 min
"""


async def refuse(_: web.Request) -> web.StreamResponse:
    return web.Response(status=422)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    endpoint.up()
    yield endpoint
    endpoint.close()


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def play(text: str, sim: httpx.Client, endpoint: Endpoint, folder: Path) -> Result:
    """On a run of its own, which is moved by hand."""
    file = folder / "scenario.yaml"
    file.write_text(text, encoding="utf-8")
    return depot_sim("scenario", "start", str(file), "--packets-endpoint", endpoint.url, "--url", url_of(sim), "--json")


def reasons(played: Result) -> list[str]:
    return [step["reason"] for step in played.json["steps"] if step.get("reason")]


def test_packets_that_come_in_time_meet_what_expects_them(
    processes: Processes, endpoint: Endpoint, tmp_path: Path
) -> None:
    played = play(HEARTBEATS, processes[0], endpoint, tmp_path)
    assert (played.code, played.json["status"]) == (0, "passed"), played.out + played.err
    assert len(endpoint.packets) > 250, "a run in step is never ahead of what it sends"


def test_never_a_refusal_fails_when_the_platform_refuses_everything(
    processes: Processes, endpoint: Endpoint, tmp_path: Path
) -> None:
    endpoint.lie, endpoint.lies = refuse, sys.maxsize
    played = play(NEVER_REFUSED, processes[0], endpoint, tmp_path)
    assert (played.code, played.json["status"]) == (1, "failed"), played.out + played.err
    assert reasons(played) == ["forbidden"]


@pytest.mark.full
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize(("text", "verdict"), [(HEARTBEATS, "passed"), (NEVER_REFUSED, "failed")])
def test_every_play_beside_busy_loops_has_the_right_verdict(
    processes: Processes, endpoint: Endpoint, tmp_path: Path, text: str, verdict: str
) -> None:
    if verdict == "failed":
        endpoint.lie, endpoint.lies = refuse, sys.maxsize
    with busy_loops(4):
        for _ in range(PLAYS):
            began = time.monotonic()
            assert play(text, processes[0], endpoint, tmp_path).json["status"] == verdict
            assert time.monotonic() - began < patient(MOST_SECONDS)


# Advances


def test_an_advance_of_a_year_ends_when_its_client_leaves(processes: Processes) -> None:
    sim = processes[0]
    path = f"/simulation-runs/{start_run(sim, tick='1 min', clock={'mode': 'MANUAL'})}"
    with httpx.Client(base_url=url_of(sim), trust_env=False) as client, suppress(httpx.ReadTimeout):
        client.post(f"{path}/commands/advance-to", json={"to": "+8760 h"}, timeout=1)
    eventually(lambda: sim.get(path).json()["advancing_to"], lambda to: to is None)
    stands = sim.get(path).json()
    paused = sim.post(f"{path}/commands/pause")
    assert (paused.status_code, paused.json()["at"]) == (200, stands["at"])
    assert 0 < stands["at"] < 8_760 * 3_600_000


def test_a_detached_advance_shows_how_far_it_is_and_can_be_cancelled(processes: Processes) -> None:
    sim = processes[0]
    path = f"/simulation-runs/{start_run(sim, tick='1 min', clock={'mode': 'MANUAL'})}"
    asked = {"to": "+8760 h", "detach": True}
    begun = sim.post(f"{path}/commands/advance-to", json=asked)
    assert begun.status_code == 200, begun.text
    shown = sim.get(path).json()
    assert shown["advancing_to"] == begun.json()["advancing_to"] is not None
    eventually(lambda: sim.get(path).json()["at"], lambda at: at > shown["at"])
    cancelled = sim.post(f"{path}/commands/cancel-advance")
    assert cancelled.status_code == 200, cancelled.text
    eventually(lambda: sim.get(path).json()["advancing_to"], lambda to: to is None)
    assert sim.post(f"{path}/commands/cancel-advance").status_code == 409


def test_a_settle_time_of_0_is_taken_and_one_of_an_hour_is_refused(processes: Processes) -> None:
    sim = processes[0]
    path = f"/simulation-runs/{start_run(sim, tick='1 min', clock={'mode': 'MANUAL', 'settle': '0 s'})}"
    assert sim.post(f"{path}/commands/tick", json={"settle": "0 s"}).status_code == 200
    refused = sim.post(f"{path}/commands/tick", json={"settle": "1 h"})
    assert (refused.status_code, refused.json()["faults"][0]["pointer"]) == (422, "/settle")


# Killed and resumed

TICKS = 240


def outcome(db: str, url: str) -> tuple[str, Any]:
    """The canonical hash of the run, and the verdict of its scenario with those of its steps."""
    with httpx.Client(base_url=url, timeout=patient(120), trust_env=False) as http:
        shown = "/simulation-runs/r/scenarios/1"
        execution = eventually(lambda: http.get(shown).json(), lambda one: one["status"] != "running")
    digest = RunDigest()
    with read_event_log(db) as log:
        for row in log.read_stream("run-r"):
            digest.add(EncodedEvent(row.topic, row.state))
    return digest.canonical_sha256, (execution["status"], [step.get("verdict") for step in execution["steps"]])


def begin(url: str, endpoint: Endpoint) -> None:
    """The run "r", with a feed, and a scenario that expects what the platform answers."""
    document = yaml.safe_load((ROOT / "examples" / "bba-microgrid.yaml").read_text(encoding="utf-8"))
    scope = document["managed_scopes"][0]["id"]
    feed = {"family": "packets", "id": "feed", "managed_scope": scope, "endpoint": endpoint.url}
    document["projection_bindings"] = [feed]
    answered = [{"message_types": ["Answer"], "where": [{"header": ":packet-type", "equals": "Heartbeat"}]}]
    steps = [
        {"at": f"{at} s", "expect": {"on": "$feed", "within": "40 s", "messages": answered}} for at in (30, 90, 150)
    ]
    script = {"name": "answers", "needs": {"feed": "packet-feed"}, "steps": steps, "lasts": f"{TICKS - 10} s"}
    with httpx.Client(base_url=url, timeout=patient(120), trust_env=False) as http:
        configuration = http.post("/simulation-configurations", json=document)
        assert configuration.status_code == 201, configuration.text
        run = {"configuration_id": configuration.json()["id"], "run_id": "r", "clock": {"mode": "MANUAL"}}
        assert http.post("/simulation-runs", json=run).status_code == 201
        eventually(lambda: http.get("/simulation-runs/r/packet-feeds").json()["packet_feeds"], bool)
        begun = http.post("/simulation-runs/r/scenarios", json={"document": script})
        assert begun.status_code == 201, begun.text


def advance(url: str, patience: float, *, detach: bool = False) -> httpx.Response:
    """To the scenario's end, under one key however often it is asked."""
    with httpx.Client(base_url=url, timeout=patience, trust_env=False) as http:
        headers, asked = {"Idempotency-Key": "the-advance"}, {"count": TICKS, "detach": detach}
        return http.post("/simulation-runs/r/commands/tick", json=asked, headers=headers)


def wait_for_packets(endpoint: Endpoint, count: int) -> None:
    eventually(lambda: len(endpoint.packets), lambda arrived: arrived >= count)


@pytest.mark.parametrize("store", ["sqlite_url", only_full("postgres_url")])
def test_equal_answers_give_equal_hashes_and_verdicts_also_when_the_service_is_killed(
    store: str, request: pytest.FixtureRequest, tmp_path: Path, endpoint: Endpoint
) -> None:
    undisturbed_db = f"sqlite:///{tmp_path / 'undisturbed.db'}"
    with served(undisturbed_db, tmp_path, free_port()) as (url, _):
        begin(url, endpoint)
        assert advance(url, patient(120)).status_code == 200
        undisturbed = outcome(undisturbed_db, url)
    assert undisturbed[1] == ("passed", ["met"] * 3)

    db, port = request.getfixturevalue(store), free_port()
    for life in range(4 if is_full() else 2):
        with served(db, tmp_path, port) as (url, pid):
            if life == 0:
                begin(url, endpoint)
            arrived = len(endpoint.packets)
            advance(url, patient(60), detach=True)
            wait_for_packets(endpoint, arrived + 20)
            os.kill(pid, signal.SIGKILL)
    with served(db, tmp_path, port) as (url, _):
        done = advance(url, patient(120))
        assert (done.status_code, done.json()["at"]) == (200, TICKS * 1_000), done.text
        assert outcome(db, url) == undisturbed
