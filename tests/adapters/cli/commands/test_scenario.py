"""`depot-sim scenario`: the library without a server, playing on one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from depot_sim.adapters.cli.client import Client
from depot_sim.adapters.cli.commands import scenario
from depot_sim.adapters.cli.failures import UsageError
from depot_sim.adapters.cli.packets.endpoint import send_packets_to
from depot_sim.domain.configuration.definition import Definition
from tests.adapters.cli.command_line import Result, depot_sim
from tests.domain.scenario.scripts import script

RUN = "/simulation-runs/tuesday"
STEP = {
    "index": 0,
    "due": "2026-03-02T12:00:00.000+00:00",
    "action": "set-bess",
    "body": {"bess": "battery", "dispatch": "ACTIVE"},
    "note": "now",
    "state": "applied",
    "at": "2026-03-02T12:00:00.000+00:00",
    "topics": ["bess.state-changed.1"],
}
EXECUTION = {
    "execution_id": "1",
    "run_id": "tuesday",
    "name": "quiet-controller",
    "source": "request",
    "status": "running",
    "begins": "2026-03-02T12:00:00.000+00:00",
    "ends": "2026-03-02T12:15:00.000+00:00",
    "begins_at": 0,
    "ends_at": 900_500,
    "steps_done": 1,
    "steps_total": 3,
    "reasons": [],
    "description": "",
    "names": {"battery": "battery"},
    "steps": [
        STEP,
        STEP | {"index": 1, "state": "refused", "reason": "no", "topics": []},
        STEP | {"index": 2, "state": "waiting", "note": "", "topics": []},
    ],
}
PASSED = EXECUTION | {"status": "passed", "verdict": "passed"}
FAILED = EXECUTION | {"status": "failed", "verdict": "failed", "reasons": ["step 2 (set-bess) was refused: no"]}
UNVERIFIED = EXECUTION | {"status": "unverified", "verdict": "unverified", "reasons": ["nothing was verified"]}
STOPPED = EXECUTION | {"status": "stopped", "verdict": "unverified", "reasons": ["called off"]}
OWN = ("--depot", "three-bus-depot", "--run-id", "tuesday")
FACTS = {"clock": "MANUAL", "start_time": "2026-03-02T12:00:00+00:00", "at": 0, "tick_ms": 1_000}


class Server:
    """Answers by method and path, the last one for good, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.refused = ""
        self.answers: dict[str, list[Any]] = {
            f"GET {RUN}": [FACTS],
            f"GET {RUN}/scenarios": [{"scenarios": [EXECUTION]}],
            f"POST {RUN}/scenarios": [EXECUTION],
            f"GET {RUN}/scenarios/1": [EXECUTION, PASSED],
            f"POST {RUN}/scenarios/1/stop": [STOPPED],
            f"POST {RUN}/commands/tick": [{}],
            f"POST {RUN}/commands/stop": [{}],
            f"GET {RUN}/packet-feeds": [{"packet_feeds": []}, {"packet_feeds": [{"feed_id": "f"}]}],
            "GET /simulation-configurations": [{"configurations": []}],
            "POST /simulation-configurations": [{"id": "c-1"}],
            "DELETE /simulation-configurations/c-1": [None],
            "POST /simulation-runs": [{"run_id": "tuesday"}],
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if (request.method, request.url.path) == ("POST", self.refused):
            fault = {"pointer": "/needs/battery", "found": "no bess", "expected": "a depot with a bess"}
            return httpx.Response(422, json={"title": "The input is not valid", "faults": [fault]})
        answers = self.answers[f"{request.method} {request.url.path}"]
        return httpx.Response(200, json=answers.pop(0) if len(answers) > 1 else answers[0])

    def bodies(self, path: str) -> list[Any]:
        """What was posted there."""
        posted = [request for request in self.asked if request.method == "POST" and request.url.path == path]
        return [json.loads(request.content) for request in posted]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    there = Server()
    transport = httpx.MockTransport(there.answer)
    monkeypatch.setattr(scenario, "server", lambda _: Client("http://depot.example", transport=transport))
    monkeypatch.setattr(scenario, "_LOOK_EVERY_SECONDS", 0)
    return there


@pytest.fixture
def written(tmp_path: Path) -> Path:
    file = tmp_path / "mine.yaml"
    file.write_text(json.dumps(script()), encoding="utf-8")
    return file


def play(*arguments: str) -> Result:
    return depot_sim("scenario", *arguments)


# Without a server


def test_the_library_is_listed_with_what_each_scenario_shows() -> None:
    listed = play("list")
    assert listed.code == 0
    assert "bba-mode-table" in listed.out
    assert {"name", "description", "depot", "needs", "steps", "lasts_ms"} == set(play("list", "--json").json[0])


def test_a_scenario_is_shown_as_its_file() -> None:
    assert play("show", "bba-all-fields").out.startswith("name: bba-all-fields\n")
    assert play("show", "bba-all-fields", "--json").json["depot"] == "bba-microgrid"


def test_a_misspelt_name_is_answered_with_the_nearest() -> None:
    shown = play("show", "bba-all-feilds")
    assert (shown.code, '"bba-all-fields"' in shown.err) == (2, True)


def test_a_sound_file_is_called_sound(written: Path) -> None:
    assert play("check", str(written)).out == f"{written}: sound. 4 steps, 15 min\n"
    assert play("check", str(written), "--json").json["valid"] is True


def test_every_fault_of_a_file_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("name: bad\nsteps:\n- at: 1 s\n  unplugg: {}\n- {at: soon, unplug: {vehicle: b}}\n")
    checked = play("check", str(file))
    assert checked.code == 1
    assert "/steps/0/unplugg (line 4, column 12)" in checked.out
    assert "/steps/1/at (line 5, column 8)" in checked.out
    assert len(play("check", str(file), "--json").json["faults"]) == 2


# On a server


def test_a_scenario_is_started_on_a_run_by_its_name(server: Server) -> None:
    started = play("start", "evening", "--run", "tuesday", "--set", "battery=b-2", "--begin", "+5 min")
    assert server.bodies(f"{RUN}/scenarios") == [{"name": "evening", "names": {"battery": "b-2"}, "begin": "+5 min"}]
    assert server.bodies(f"{RUN}/commands/tick") == []
    assert (started.code, "running, 1 of 3 steps done" in started.out) == (0, True)


def test_a_file_is_read_here_and_sent_whole(server: Server, written: Path) -> None:
    play("start", str(written), "--run", "tuesday")
    assert server.bodies(f"{RUN}/scenarios") == [{"document": script()}]


def test_an_advance_goes_by_whole_ticks_to_the_end(server: Server) -> None:
    play("start", "evening", "--run", "tuesday", "--advance")
    assert server.bodies(f"{RUN}/commands/tick") == [{"count": 60}] * 15 + [{"count": 1}]


def test_an_advance_goes_on_while_what_is_expected_puts_the_end_off(server: Server) -> None:
    server.answers[f"GET {RUN}/scenarios/1"] = [EXECUTION | {"ends_at": 902_000}, PASSED]
    play("start", "evening", "--run", "tuesday", "--advance")
    assert server.bodies(f"{RUN}/commands/tick") == [{"count": 60}] * 15 + [{"count": 1}] * 2


def test_a_run_that_follows_wall_time_is_not_advanced(server: Server) -> None:
    server.answers[f"GET {RUN}"] = [FACTS | {"clock": "REALTIME"}]
    assert play("start", "evening", "--run", "tuesday", "--advance").code == 2


@pytest.mark.parametrize(("end", "code"), [(PASSED, 0), (FAILED, 1), (UNVERIFIED, 5), (STOPPED, 5)])
def test_the_verdict_is_the_exit_code(server: Server, end: Any, code: int) -> None:
    server.answers[f"GET {RUN}/scenarios/1"] = [EXECUTION, EXECUTION, end]
    waited = play("start", "evening", "--run", "tuesday", "--wait")
    assert waited.code == code
    assert f"execution 1: {end['status']}" in waited.out


def test_the_table_tells_what_every_step_did(server: Server) -> None:
    lines = [" ".join(line.split()) for line in play("status", "1", "--run", "tuesday").out.splitlines()]
    assert lines[1:4] == [
        "✓ 12:00:00 set-bess bess battery, dispatch ACTIVE now; bess.state-changed",
        "✗ 12:00:00 set-bess bess battery, dispatch ACTIVE now; refused: no",
        "12:00:00 set-bess bess battery, dispatch ACTIVE",
    ]


def test_what_came_near_a_missed_message_is_told_below_the_table(server: Server) -> None:
    fields = [{"field": "outcome", "matched": False, "found": "rejected", "expected": "accepted"}]
    near = {"entry_id": "m-1", "request_id": "r-1", "at": 0, "step": 0, "fields": fields}
    step = STEP | {"action": "expect", "verdict": "missed", "reason": "deadline", "nearest": [near]}
    server.answers[f"GET {RUN}/scenarios/1"] = [FAILED | {"steps": [step]}]
    told = play("status", "1", "--run", "tuesday").out.splitlines()
    assert told[-1] == "step 1 nearest   m-1: outcome: found rejected; expected accepted"


def test_all_scenarios_of_a_run_are_listed(server: Server) -> None:
    assert "quiet-controller" in play("status", "--run", "tuesday").out
    server.answers[f"GET {RUN}/scenarios"] = [{"scenarios": []}]
    assert "no scenario" in play("status", "--run", "tuesday").err


def test_a_scenario_is_called_off(server: Server) -> None:
    stopped = play("stop", "1", "--run", "tuesday")
    assert (stopped.code, "called off" in stopped.out) == (0, True)


def test_without_a_run_one_is_started_on_a_depot_and_moved_to_the_end(server: Server) -> None:
    endpoint = "http://127.0.0.1:8430/packets"
    depot = (*OWN, "--packets-endpoint", endpoint)
    play("start", "bba-all-fields", *depot, "--seed", "7", "--tick", "10 s")
    (document,) = server.bodies("/simulation-configurations")
    assert [b["endpoint"] for b in document["projection_bindings"] if b["family"] == "packets"] == [endpoint]
    assert server.bodies("/simulation-runs") == [
        {"configuration_id": "c-1", "seed": 7, "tick": "10 s", "clock": {"mode": "MANUAL"}, "run_id": "tuesday"}
    ]
    assert server.bodies(f"{RUN}/commands/tick") != []


def test_a_run_of_its_own_is_stopped_when_the_scenario_is_refused(server: Server) -> None:
    server.refused = f"{RUN}/scenarios"
    assert play("start", "bba-all-fields", *OWN).code == 2
    assert server.bodies(f"{RUN}/commands/stop") == [{}]
    assert play("start", "bba-all-fields", "--run", "tuesday").code == 2
    assert len(server.bodies(f"{RUN}/commands/stop")) == 1


def ended(server: Server) -> list[tuple[str, str]]:
    """What the command stopped and removed, in order."""
    asked = [(request.method, request.url.path) for request in server.asked]
    return [one for one in asked if one[0] == "DELETE" or one[1].endswith("/commands/stop")]


CLEANED = [("POST", f"{RUN}/commands/stop"), ("DELETE", "/simulation-configurations/c-1")]


def test_a_run_of_its_own_is_stopped_with_the_verdict_and_its_depot_archived(server: Server) -> None:
    server.answers[f"GET {RUN}/scenarios/1"] = [FAILED]
    assert play("start", "bba-all-fields", *OWN).code == 1
    assert ended(server) == CLEANED


def test_ctrl_c_stops_a_run_of_its_own_as_well(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupted)
    server.answers[f"GET {RUN}/scenarios/1"] = [EXECUTION]
    assert play("start", "bba-all-fields", *OWN, "--speed", "1").code == 130
    assert ended(server) == CLEANED


def test_keep_leaves_the_run_and_its_depot(server: Server) -> None:
    assert play("start", "bba-all-fields", *OWN, "--keep").code == 0
    assert ended(server) == []


def test_a_depot_that_the_server_has_is_not_saved_twice_nor_archived(server: Server) -> None:
    play("start", "bba-all-fields", *OWN)
    (document,) = server.bodies("/simulation-configurations")
    listed = [{"id": "other", "name": document["name"]}, {"id": "same", "name": document["name"]}]
    server.answers["GET /simulation-configurations"] = [{"configurations": listed}]
    server.answers["GET /simulation-configurations/other/versions"] = [{"versions": [{"sha256": "0" * 64}]}]
    sha256 = Definition.of(document).sha256
    server.answers["GET /simulation-configurations/same/versions"] = [{"versions": [{"sha256": sha256}]}]
    server.asked.clear()
    play("start", "bba-all-fields", *OWN)
    assert server.bodies("/simulation-configurations") == []
    assert [run["configuration_id"] for run in server.bodies("/simulation-runs")] == ["same"]
    assert ended(server) == CLEANED[:1]


def test_a_run_without_a_name_gets_one_of_its_own(server: Server) -> None:
    server.answers = {name.replace("tuesday", "id-1"): answers for name, answers in server.answers.items()}
    play("start", "bba-all-fields", "--depot", "three-bus-depot")
    (asked,) = server.bodies("/simulation-runs")
    assert len(asked["run_id"]) > 8


@pytest.mark.parametrize(("end", "code"), [(PASSED, 0), (FAILED, 1), (UNVERIFIED, 5), (STOPPED, 5)])
def test_a_scenario_that_was_started_before_is_waited_for(server: Server, end: Any, code: int) -> None:
    server.answers[f"GET {RUN}/scenarios/1"] = [EXECUTION, EXECUTION, end]
    assert play("wait", "1", "--run", "tuesday").code == code
    assert server.bodies(f"{RUN}/scenarios") == []


def test_a_feed_that_was_refused_is_told_before_anything_is_played(server: Server) -> None:
    server.answers[f"GET {RUN}/packet-feeds"] = [{"packet_feeds": [{"reason": "no such profile"}]}]
    depot = (*OWN, "--packets-endpoint", "http://127.0.0.1:8430/packets")
    assert "no such profile" in play("start", "bba-all-fields", *depot).err
    assert server.bodies(f"{RUN}/scenarios") == []


def test_a_run_of_its_own_may_wait_for_answers_at_a_speed_and_so_long(server: Server) -> None:
    play("start", "bba-all-fields", *OWN, "--speed", "60", "--lock-step", "--settle", "2 s")
    (asked,) = server.bodies("/simulation-runs")
    assert asked["clock"] == {"mode": "REALTIME", "speed": "60", "lock_step": True, "settle": "2 s"}


def test_each_step_of_an_advance_waits_as_long_as_it_is_told(server: Server) -> None:
    play("start", "evening", "--run", "tuesday", "--advance", "--settle", "2 s")
    assert {body["settle"] for body in server.bodies(f"{RUN}/commands/tick")} == {"2 s"}


def test_lock_step_is_for_a_run_with_a_speed(server: Server) -> None:
    assert play("start", "bba-all-fields", "--depot", "three-bus-depot", "--lock-step").code == 2


def test_a_run_of_its_own_may_follow_wall_time(server: Server) -> None:
    play("start", "bba-all-fields", "--depot", "three-bus-depot", "--speed", "60", "--start", "2026-03-02T06:00:00Z")
    (asked,) = server.bodies("/simulation-runs")
    assert (asked["clock"], asked["start_time"]) == ({"mode": "REALTIME", "speed": "60"}, "2026-03-02T06:00:00Z")
    assert server.bodies(f"{RUN}/commands/tick") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("start", "no-such-scenario", "--depot", "three-bus-depot"),
        ("start", "no-such-scenario"),
        ("start", "evening", "--run", "tuesday", "--set", "battery"),
        ("start", "evening", "--run", "tuesday", "--seed", "7"),
        ("start", "evening", "--run", "tuesday", "--keep"),
        ("start", "evening", "--run", "tuesday", "--run-id", "wednesday"),
        ("start", "evening", "--run", "tuesday", "--packets-endpoint", "http://127.0.0.1:8430/packets"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_asked_of_the_server(
    server: Server, arguments: tuple[str, ...]
) -> None:
    assert play(*arguments).code == 2
    assert server.asked == []


def test_a_scenario_without_a_depot_needs_one_named(server: Server, written: Path) -> None:
    assert "--depot" in play("start", str(written)).err


def test_a_depot_without_a_binding_gets_one_for_its_first_scope() -> None:
    document: dict[str, Any] = {"managed_scopes": [{"id": "site"}]}
    send_packets_to(document, "http://there")
    (binding,) = document["projection_bindings"]
    assert (binding["managed_scope"], binding["endpoint"]) == ("site", "http://there")
    with pytest.raises(UsageError):
        send_packets_to({}, "http://there")
