"""What the command line reads from a server is what it reads from the store below it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.adapters.cli.command_line import depot_sim
from tests.e2e.processes import ROOT, finish, running, serving, start, wait_for
from tests.full_set import is_full, only_full
from tests.patience import patient

TOKEN = "0123456789abcdef"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def db(folder: Path) -> str:
    """A store with a finished run "r"."""
    url = f"sqlite:///{folder / 'store.db'}"
    run = depot_sim("run", "three-bus-depot", "--for", "2h", "--seed", "7", "--run-id", "r", "--db", url)
    assert run.code == 0, run.err
    return url


@pytest.fixture(scope="module")
def server(db: str, folder: Path) -> Iterator[str]:
    """The URL of a service on that store, without tokens."""
    with serving(db, folder) as url:
        yield url


@pytest.mark.parametrize("form", [("--json",), only_full(())], ids=["json", "text"])
def test_server_and_store_tell_the_same(db: str, server: str, form: tuple[str, ...]) -> None:
    (run,) = depot_sim("runs", "--url", server, "--json").json
    questions = (
        ("runs",),
        ("world", "r"),
        ("world", "r", "--at", "+90 min"),
        ("events", "r", "--type", "vehicle.arrived.1"),
        ("events", "r", "--after", "20"),
        ("configuration", "show", run["configuration_id"]),
    )
    for question in questions if is_full() else questions[::2]:
        served, stored = (depot_sim(*question, *where, *form) for where in (("--url", server), ("--db", db)))
        assert served == stored, question
        assert served.code == 0


def test_the_server_s_refusals_are_told_like_our_own(server: str) -> None:
    nowhere = depot_sim("world", "nobody", "--url", server)
    never = depot_sim("world", "r", "--at", "noon", "--url", server)

    assert (nowhere.code, never.code) == (2, 2)
    assert nowhere.err.startswith("error: no run 'nobody'")
    assert "\n  where    /at\n" in never.err


def test_an_import_can_be_saved_on_a_server(server: str) -> None:
    source = str(ROOT / "examples" / "leichhardt-like.yaml")
    saved = depot_sim("configuration", "import", "--format", "yaml", source, "--url", server)
    assert saved.code == 0, saved.err
    id = saved.out.split()[3].rstrip(",")
    shown = depot_sim("configuration", "show", id, "--url", server)

    assert "\nname: Leichhardt-like depot\n" in shown.out


def test_a_server_with_tokens_wants_one(tmp_path: Path) -> None:
    with serving("memory:", tmp_path, DEPOT_SIM_TOKENS=f"ann:viewer:{TOKEN}") as url:
        without = depot_sim("runs", "--url", url)
        by_option = depot_sim("runs", "--url", url, "--token", TOKEN)
        by_environment = finish(start("runs", "--url", url, DEPOT_SIM_TOKEN=TOKEN))

    assert without.code == 2
    assert without.err.startswith("error: ")
    assert "--token TOKEN or DEPOT_SIM_TOKEN" in without.err
    assert "Authorization" not in without.err
    assert by_option.code == by_environment.code == 0


def post(url: str, path: str, body: object) -> Any:
    answer = httpx.post(url + path, json=body, timeout=patient(60), trust_env=False)
    assert answer.is_success, answer.text
    return answer.json()


def next_event(follower: subprocess.Popen[str]) -> Any:
    assert follower.stdout is not None
    return json.loads(follower.stdout.readline())


def test_a_follower_has_every_event_once_though_the_server_is_restarted(sqlite_url: str, tmp_path: Path) -> None:
    db = sqlite_url
    with ExitStack() as stack:
        with serving(db, tmp_path) as url:
            definition = yaml.safe_load((ROOT / "examples" / "three-bus-depot.yaml").read_text(encoding="utf-8"))
            configuration_id = post(url, "/simulation-configurations", definition)["id"]
            request = {"configuration_id": configuration_id, "clock": {"mode": "MANUAL"}}
            run_id = post(url, "/simulation-runs", request)["run_id"]
            follower = stack.enter_context(running("events", run_id, "--follow", "--json", "--url", url))
            followed = [next_event(follower)]
            post(url, f"/simulation-runs/{run_id}/commands/tick", {"count": 30})
        with serving(db, tmp_path, int(url.rpartition(":")[2])):
            post(url, f"/simulation-runs/{run_id}/commands/tick", {"count": 30})
            post(url, f"/simulation-runs/{run_id}/commands/stop", {})
            while followed[-1]["type"] != "run.stopped.1":
                followed.append(next_event(follower))

    assert followed == [json.loads(line) for line in depot_sim("events", run_id, "--db", db, "--json").out.splitlines()]


def test_the_stand_in_is_a_command_of_its_own(tmp_path: Path) -> None:
    """It gets its own options, serves, and ends at a signal."""
    ready_file = tmp_path / "standin.json"
    with running("standin", "--port", "0", "--ready-file", str(ready_file)) as process:
        wait_for(ready_file.exists, process)
        page = httpx.get(json.loads(ready_file.read_bytes())["url"], timeout=patient(60))
        assert page.status_code == 200
        process.terminate()
        assert finish(process).code == 0
