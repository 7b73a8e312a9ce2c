"""A batch run on a store is killed or interrupted, and ends all the same with the hash of one that was left alone."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator

import pytest

from depot_sim.adapters.event_store import open_event_store, read_event_log
from depot_sim.application.event_log import EventLog
from tests.e2e.processes import depot_sim, finish, running, wait_for
from tests.full_set import is_full, only_full
from tests.patience import patient

DEPOT = ("three-bus-depot", "--seed", "7", "--tick", "2s", "--for", "24h")
KILLED_AT = (1, 9_000, 18_000, 27_000, 36_000)
"""Events stored; there are about 43,000, and a snapshot every 10,000."""


@pytest.fixture
def log(store_url: str) -> Iterator[EventLog]:
    """A new store's log, for reading beside the commands that write to it."""
    open_event_store(store_url).close()
    with read_event_log(store_url) as opened:
        yield opened


def wait_until_stored(events: int, log: EventLog, process: subprocess.Popen[str]) -> None:
    wait_for(lambda: log.stream_version("run-r") >= events, process)


@pytest.mark.timeout(patient(300))
@pytest.mark.parametrize("store_url", ["sqlite", only_full("postgresql")], indirect=True)
def test_a_run_killed_again_and_again_ends_with_the_hash_of_one_left_alone(log: EventLog, store_url: str) -> None:
    begin, resume = ("run", *DEPOT, "--run-id", "r"), ("run", "--resume", "r")
    for number, events in enumerate(KILLED_AT if is_full() else KILLED_AT[::2]):
        with running(*(resume if number else begin), "--db", store_url, "--json") as process:
            wait_until_stored(events, log, process)
            process.kill()
            assert finish(process).code == -signal.SIGKILL

    resumed = depot_sim(*resume, "--db", store_url, "--json")

    alone = depot_sim("run", *DEPOT, "--json").json
    assert resumed.code == 0, resumed.err
    for key in ("canonical_sha256", "state_sha256", "energy_kwh", "vehicle_steps", "peak_kw"):
        assert resumed.json[key] == alone[key], key
    replayed = depot_sim("replay", "r", "--db", store_url, "--json")
    assert replayed.json["reached"] is True
    assert replayed.json["checkpoints"] >= 4
    assert replayed.json["raw_sha256"] == resumed.json["raw_sha256"]


def test_ctrl_c_gives_the_run_back_at_once(log: EventLog, store_url: str) -> None:
    with running("run", *DEPOT, "--run-id", "r", "--db", store_url) as process:
        wait_until_stored(1_000, log, process)
        process.send_signal(signal.SIGINT)
        interrupted = finish(process)

    assert interrupted.code == 130
    assert interrupted.err.startswith("interrupted at 2026-03-02T")
    assert "depot-sim run --resume r --db " in interrupted.err
    assert log.read_stream("run-r", newest_first=True, limit=1)[0].topic == "run.lease-released.1"
    with open_event_store(store_url) as store:
        assert store.leases.holder("r") is None


def test_a_run_that_is_being_carried_out_is_left_alone(postgres_url: str) -> None:
    open_event_store(postgres_url).close()
    with (
        read_event_log(postgres_url) as log,
        running("run", "common-job:400", "--tick", "1s", "--run-id", "r", "--db", postgres_url) as process,
    ):
        wait_until_stored(1, log, process)
        other = depot_sim("run", "--resume", "r", "--db", postgres_url)
        assert process.poll() is None

    assert other.code == 2
    assert "run r is held by" in other.err


def test_a_run_can_be_followed_in_its_store_while_it_is_carried_out(log: EventLog, store_url: str) -> None:
    with running("run", "three-bus-depot", "--tick", "10s", "--run-id", "r", "--db", store_url) as process:
        wait_until_stored(1, log, process)
        with running("events", "r", "--follow", "--json", "--db", store_url) as follower:
            assert follower.stdout is not None
            followed = [json.loads(follower.stdout.readline())]
            while followed[-1]["type"] != "run.stopped.1":
                followed.append(json.loads(follower.stdout.readline()))

    assert [event["version"] for event in followed] == list(range(1, log.stream_version("run-r") + 1))
