"""`depot-sim packets feeds`, `devices`, `open` and `close`, from a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from depot_sim.adapters.cli.client import Client
from depot_sim.adapters.cli.packets import feeds as packets_feeds
from depot_sim.adapters.packets import ProfileLibrary
from depot_sim.bootstrap.tools import toolbox
from tests.adapters.cli.command_line import Result, depot_sim
from tests.adapters.cli.packet_server import DEVICE, FEED, OPEN, REFUSED, RUN, TROUBLED, Server

EXAMPLE = toolbox().examples / "bba-binding.json"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    there = Server()
    transport = httpx.MockTransport(there.answer)
    monkeypatch.setattr(packets_feeds, "server", lambda _: Client("http://depot.example", transport=transport))
    return there


def words(result: Result) -> list[list[str]]:
    assert result.code == 0, result.err
    return [line.split() for line in result.out.splitlines()]


def request(server: Server) -> Any:
    return json.loads(server.asked[-1].content)


def test_people_get_a_table_of_feeds_with_what_troubles_them(server: Server) -> None:
    server.answers[f"GET {RUN}/packet-feeds"] = [{"packet_feeds": [OPEN, REFUSED]}]
    _, first, second = words(depot_sim("packets", "feeds", "--run", "tuesday"))
    assert first[:9] == ["meters", "OPEN", "IMPAIRED", "site", "default/1", "2", "1,234", "1,200", "34"]
    assert first[9:] == ["http://platform.example/packets", "answered", "503"]
    assert second == ["others", "REFUSED", "DOWN", "0", "0", "0", "0", "no", "packet", "profile", "'x'"]


def test_people_get_a_table_of_devices(server: Server) -> None:
    heading, first, second = words(depot_sim("packets", "devices", "--run", "tuesday", "--feed", "meters"))
    assert heading == ["device", "type", "scope", "packets", "waiting", "state", "keys"]
    assert first == ["bess-1", "BESS", "storage", "1,001", "0", "alive", "SOC", "ACTIVE_POWER"]
    assert second[4:6] == ["34", "troubled"]
    assert server.paths() == [f"GET {FEED}/devices"]


def test_programs_get_what_the_server_says(server: Server) -> None:
    assert depot_sim("packets", "feeds", "--run", "tuesday", "--json").json == [OPEN]
    assert depot_sim("packets", "devices", "--run", "tuesday", "--json").json == [DEVICE, TROUBLED]
    assert depot_sim("packets", "close", "--run", "tuesday", "--json").json == OPEN | {"status": "CLOSING"}
    assert depot_sim("packets", "open", "--run", "tuesday", "--json").json == OPEN


def test_a_feed_needs_no_name_while_it_is_the_only_one(server: Server) -> None:
    depot_sim("packets", "devices", "--run", "tuesday")
    assert server.paths() == [f"GET {RUN}/packet-feeds", f"GET {FEED}/devices"]


@pytest.mark.parametrize(
    ("feeds", "said"),
    [([], "open one with depot-sim packets open"), ([OPEN, REFUSED], "--feed one of meters, others")],
)
def test_otherwise_it_is_told_what_to_name(server: Server, feeds: list[Any], said: str) -> None:
    server.answers[f"GET {RUN}/packet-feeds"] = [{"packet_feeds": feeds}]
    code, _, err = depot_sim("packets", "devices", "--run", "tuesday")
    assert code == 2
    assert said in err


def test_the_only_binding_of_the_configuration_is_opened(server: Server) -> None:
    code, out, err = depot_sim("packets", "open", "--run", "tuesday", "--endpoint", "http://platform.example/packets")
    assert (code, err) == (0, "")
    assert out == "meters open: to http://platform.example/packets by default/1, devices: 2\n"
    assert request(server) == {"binding_id": "meters", "endpoint": "http://platform.example/packets"}


@pytest.mark.parametrize(("bindings", "expected"), [([], "packets"), (["a", "b"], None)])
def test_without_one_there_is_a_usual_name_and_of_several_one_is_named(
    server: Server, bindings: list[str], expected: str | None
) -> None:
    named = [{"family": "packets", "id": id} for id in bindings]
    path = "GET /simulation-configurations/c 1/versions/3"
    server.answers[path] = [{"document": {"projection_bindings": named}}]
    code, _, err = depot_sim("packets", "open", "--run", "tuesday", "--scope", "site")
    if expected is None:
        assert code == 2
        assert "--binding one of a, b" in err
    else:
        assert request(server) == {"binding_id": expected, "managed_scope_id": "site"}


def test_a_profile_is_named_or_sent_whole(server: Server, tmp_path: Path) -> None:
    ProfileLibrary().export("flat/1", tmp_path / "mine")
    open_ = ("packets", "open", "--run", "tuesday", "--binding", "meters", "--profile")
    assert depot_sim(*open_, "senml/1").code == 0
    assert request(server) == {"binding_id": "meters", "profile": "senml/1"}
    assert depot_sim(*open_, str(tmp_path / "mine")).code == 0
    assert request(server)["profile_files"] == dict(ProfileLibrary().files("flat/1"))


def test_the_platform_s_configuration_is_sent_and_what_cannot_be_mapped_is_told(server: Server) -> None:
    fault = {"pointer": "/devices/0/circuit", "found": '"x"', "expected": "a node", "line": 0, "column": 0}
    server.answers[f"POST {RUN}/packet-feeds"] = [OPEN | {"unmapped": [fault]}]
    meters = ("--run", "tuesday", "--binding", "meters")
    code, _, err = depot_sim("packets", "open", *meters, "--binding-file", str(EXAMPLE))
    assert (code, err) == (0, 'not mapped: /devices/0/circuit: found "x"; expected a node\n')
    assert request(server)["devices"] == json.loads(EXAMPLE.read_text(encoding="utf-8"))


def test_a_closed_feed_says_how_much_still_waits(server: Server) -> None:
    assert depot_sim("packets", "close", "--run", "tuesday").out == "meters CLOSING, packets that still wait: 34\n"
    assert server.paths()[-1] == f"DELETE {FEED}"


def test_no_feeds_are_no_error(server: Server) -> None:
    server.answers[f"GET {RUN}/packet-feeds"] = [{"packet_feeds": []}]
    assert depot_sim("packets", "feeds", "--run", "tuesday") == Result(0, "", "no packet feeds yet\n")
