"""`depot-sim run`: what it prints, what it stores, how it is continued."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from depot_sim.adapters.event_store import open_event_store
from depot_sim.application.event_log import Append
from depot_sim.bootstrap.tools import toolbox
from tests.adapters.cli.command_line import depot_sim

KEYS = [
    "run_id",
    "events",
    "canonical_sha256",
    "energy_kwh",
    "vehicle_steps",
    "cpu_seconds",
    "peak_kw",
    "breaches",
    "late_departures",
]


@pytest.fixture
def db(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'depot.db'}"


def run_json(*arguments: str) -> dict[str, Any]:
    code, out, err = result = depot_sim("run", *arguments, "--json")
    assert (code, err) == (0, ""), out
    answer: dict[str, Any] = result.json
    return answer


def test_programs_get_one_object_with_the_promised_keys_first() -> None:
    answer = run_json("three-bus-depot", "--seed", "7", "--for", "24h", "--tick", "60s", "--run-id", "mine")

    assert list(answer)[: len(KEYS)] == KEYS
    assert answer["run_id"] == "mine"
    assert answer["vehicle_steps"] == 3 * 24 * 60
    assert isinstance(answer["energy_kwh"], float)
    assert answer["energy_kwh"] > 100
    assert answer["db"] is None


def test_people_get_a_chart_figures_and_both_hashes() -> None:
    code, out, err = depot_sim("run", "three-bus-depot", "--seed", "7", "--run-id", "mine")

    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 81
    assert "█" in out
    assert "┄" in out
    for label in ("charged", "peak load", "limit breaches", "late departures", "canonical sha256", "raw sha256"):
        assert f"\n{label} " in out


def test_equal_seeds_give_equal_canonical_hashes_and_others_do_not() -> None:
    one, same, other = (run_json("three-bus-depot", "--for", "8h", "--seed", seed) for seed in ("7", "7", "8"))

    assert one["canonical_sha256"] == same["canonical_sha256"]
    assert one["raw_sha256"] != same["raw_sha256"], "ids differ"
    assert other["canonical_sha256"] != one["canonical_sha256"]


@pytest.mark.parametrize(
    "change",
    [("--tick", "30s"), ("--for", "9h"), ("--start", "2026-03-03T12:00:00+00:00"), ("--disturbances", "a-bad-day")],
)
def test_what_is_asked_for_counts(change: tuple[str, str]) -> None:
    plain = run_json("three-bus-depot", "--for", "8h", "--seed", "7")

    assert run_json("three-bus-depot", "--for", "8h", "--seed", "7", *change)["canonical_sha256"] != plain[KEYS[2]]


def test_a_depot_may_be_a_file_an_example_or_the_common_job(tmp_path: Path) -> None:
    example = toolbox().examples / "three-bus-depot.yaml"

    from_file, by_name = (run_json(depot, "--for", "1h") for depot in (str(example), "three-bus-depot"))
    assert from_file["canonical_sha256"] == by_name["canonical_sha256"]
    assert run_json("common-job:12x2", "--for", "2d")["vehicle_steps"] == 12 * 2 * 1_440
    limited, unlimited = (run_json(f"common-job:12{suffix}", "--for", "12h") for suffix in ("", ":no-limits"))
    assert limited["peak_kw"] == pytest.approx(12 * 35)
    assert unlimited["peak_kw"] > limited["peak_kw"]


def test_a_stored_run_has_the_hash_of_one_in_memory_and_is_replayed(db: str) -> None:
    stored = run_json("three-bus-depot", "--seed", "7", "--db", db)

    assert stored["canonical_sha256"] == run_json("three-bus-depot", "--seed", "7")["canonical_sha256"]
    code, out, _ = depot_sim("replay", stored["run_id"], "--db", db)
    assert code == 0
    assert "all 1 recorded state hashes are reached" in out
    assert stored["canonical_sha256"] in out
    assert stored["raw_sha256"] in out


def test_a_run_id_is_refused_the_second_time(db: str) -> None:
    run_json("three-bus-depot", "--for", "1h", "--db", db, "--run-id", "r")

    code, _, err = depot_sim("run", "three-bus-depot", "--for", "1h", "--db", db, "--run-id", "r")

    assert code == 2
    assert "run r exists already" in err


class Interrupting:
    """Sends this process a signal while a certain append is under way."""

    def __init__(self, log: Any, after: int) -> None:
        self._log = log
        self._left = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def append(self, append: Append) -> Any:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGINT)
        return self._log.append(append)


def test_ctrl_c_stops_between_two_appends_and_says_how_to_go_on(db: str) -> None:
    def interrupting(url: str) -> Any:
        store = open_event_store(url)
        object.__setattr__(store, "log", Interrupting(store.log, after=4))
        return store

    arguments = ("run", "three-bus-depot", "--seed", "7", "--tick", "20s", "--db", db, "--run-id", "r")
    code, out, err = depot_sim(*arguments, open_store=interrupting)

    assert (code, out) == (130, "")
    assert err.startswith("interrupted at 2026-03-02T")
    assert f"depot-sim run --resume r --db {db}" in err
    resumed = run_json("--resume", "r", "--db", db)
    assert resumed["canonical_sha256"] == run_json("three-bus-depot", "--seed", "7", "--tick", "20s")[KEYS[2]]


@pytest.fixture
def interruptible_process() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, also where the tests were started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_without_a_store_says_that_nothing_is_kept(interruptible_process: None) -> None:
    def interrupted(path: Path) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return toolbox().load_definition(path)

    code, _, err = depot_sim("run", "three-bus-depot", load_definition=interrupted)

    assert code == 130
    assert err == "interrupted\n"


def test_a_resumed_run_shows_its_whole_day(db: str) -> None:
    depot_sim("run", "three-bus-depot", "--seed", "7", "--db", db, "--run-id", "r")
    whole = depot_sim("run", "three-bus-depot", "--seed", "7", "--run-id", "r").out
    again = depot_sim("run", "--resume", "r", "--db", db).out

    chart = slice(0, 15)
    assert again.splitlines()[chart] == whole.splitlines()[chart]


ARGUMENTS = {"--seed": "7", "--tick": "60s", "--start": "2026-03-02T12:00:00+00:00", "--disturbances": "typical"}


def test_what_a_resumed_run_was_started_with_may_be_said_again(db: str) -> None:
    said = [part for option in ARGUMENTS.items() for part in option]
    first = run_json("three-bus-depot", *said, "--for", "2h", "--db", db, "--run-id", "r")

    again = run_json("three-bus-depot", *said, "--for", "2h", "--db", db, "--resume", "r")

    assert again["raw_sha256"] == first["raw_sha256"]


@pytest.mark.parametrize(
    "change",
    [
        ("nyc-meredith",),
        ("--seed", "8"),
        ("--tick", "1s"),
        ("--start", "2026-03-03T12:00:00+00:00"),
        ("--disturbances", "typical"),
    ],
)
def test_but_not_something_else(change: tuple[str, ...], db: str) -> None:
    run_json("three-bus-depot", "--seed", "7", "--for", "1h", "--db", db, "--run-id", "r")

    code, _, err = depot_sim("run", *change, "--db", db, "--resume", "r")

    assert code == 2
    assert "is not what run r was started with" in err
