"""Packets that go wrong on purpose, between real processes: what the platform makes of every kind of fault."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import yaml

from depot_sim.domain.kernel.events import EncodedEvent
from depot_sim.domain.packets.feed import stream_of
from depot_sim.domain.run.digest import RunDigest
from tests.adapters.cli.command_line import depot_sim
from tests.e2e.conftest import Processes
from tests.e2e.oscp_sides import eventually
from tests.e2e.oscp_stage import url_of
from tests.e2e.processes import ROOT
from tests.e2e.test_kill import free_port, served
from tests.full_set import only_full
from tests.patience import patient

BINDING = "gateway"
START = "2026-04-02T10:00:00Z"


def depot() -> Any:
    """The microgrid example without feeds of its own."""
    document = yaml.safe_load((ROOT / "examples" / "bba-microgrid.yaml").read_text(encoding="utf-8"))
    return document | {"projection_bindings": []}


class Feed:
    """The feed of a new run, which is moved by hand, and the platform it sends to, which knows nothing yet."""

    def __init__(self, simulator: httpx.Client, platform: httpx.Client, run_id: str) -> None:
        self.simulator = simulator
        self.platform = platform
        self.run = f"/simulation-runs/{run_id}"
        self.path = f"{self.run}/packet-feeds/{BINDING}"
        platform.delete("/control/packets")
        created = simulator.post("/simulation-configurations", json=depot())
        assert created.status_code == 201, created.text
        body = {"configuration_id": created.json()["id"], "run_id": run_id, "tick": "1 s", "start_time": START}
        started = simulator.post("/simulation-runs", json=body | {"seed": 7, "clock": {"mode": "MANUAL"}})
        assert started.status_code == 201, started.text
        asked = {"binding_id": BINDING, "managed_scope_id": "site", "endpoint": f"{url_of(platform)}/packets"}
        opened = simulator.post(f"{self.run}/packet-feeds", json=asked)
        assert opened.status_code == 201, opened.text

    def let_pass(self, minutes: int) -> None:
        """Until all of it is delivered."""
        self.move(minutes)
        self.wait(lambda view: not view.get("undelivered"))

    def move(self, minutes: int) -> None:
        moved = self.simulator.post(f"{self.run}/commands/tick", json={"count": minutes * 60})
        assert moved.status_code == 200, moved.text

    def wait(self, holds: Callable[[Any], bool]) -> Any:
        """For the feed to have seen all of its run, and for this to hold."""
        version = self.simulator.get(self.run).json()["version"]
        return eventually(
            lambda: self.simulator.get(self.path).json(),
            lambda view: view["checkpoint"]["run_version"] >= version - 1 and holds(view),
        )

    def override(self, body: Any) -> None:
        changed = self.simulator.patch(f"{self.path}/overrides", json=body)
        assert changed.status_code == 200, changed.text

    def arrived(self) -> list[Any]:
        """What the platform got, the oldest first."""
        packets: list[Any] = self.platform.get("/control/packets", params={"limit": 50_000}).json()["packets"]
        return packets[::-1]


_runs = count(1)


@pytest.fixture
def feed(processes: Processes) -> Feed:
    """Five minutes old, so that the platform knows what to expect of it. Every test leaves it with nothing to send."""
    opened = Feed(*processes, f"faults-{next(_runs)}")
    opened.let_pass(5)
    return opened


FOUND = {
    "duplicate_packets": "repeated",
    "reorder_packets": "out-of-order",
    "lossy_network": "gap",
    "stale_values": "stale",
    "wrong_unit": "out-of-range",
    "other_unit": "unknown-unit",
    "wrong_casing": "unknown-key",
    "extra_key": "unknown-key",
    "wrong_word_casing": "unknown-word",
    "unknown_words": "unknown-word",
    "negative_capacity": "out-of-range",
    "string_numbers": "schema",
    "naive_timestamps": "schema",
    "unknown_field": "schema",
    "clock_skew": "clock-skew",
    "clock_skew_slow": "clock-skew",
    "wrong_sequence": "gap",
    "repeated_sequence": "number-again",
}
"""By mode, what a platform that looks closely finds odd."""


ONE_EACH = {"duplicate_packets", "reorder_packets", "lossy_network", "wrong_unit", "unknown_field"}
"""One mode of every effect: duplicate, reorder, withhold, distort, malform."""


@pytest.mark.parametrize(
    ("mode", "finding"), [mode if mode[0] in ONE_EACH else only_full(*mode) for mode in FOUND.items()]
)
def test_the_platform_finds_what_a_mode_did_and_nothing_was_odd_before(feed: Feed, mode: str, finding: str) -> None:
    before = feed.arrived()
    assert [packet["findings"] for packet in before if packet["findings"]] == []
    feed.override({"mode": mode})
    feed.move(3)
    feed.override({"clear": "all"})
    feed.let_pass(1)
    kinds = {found["kind"] for packet in feed.arrived()[len(before) :] for found in packet["findings"]}
    assert finding in kinds


@pytest.mark.parametrize(
    "mode", ["corrupt_json", *map(only_full, ("truncated_json", "not_json", "empty_body", "deep_json"))]
)
def test_what_cannot_be_read_is_refused_and_the_next_packets_go_on(feed: Feed, mode: str) -> None:
    feed.override({"mode": mode})
    feed.let_pass(1)
    feed.override({"clear": "all"})
    rejected = feed.wait(lambda view: not view.get("undelivered"))["rejected"]
    statuses = [packet["status"] for packet in feed.arrived()[-rejected:]]
    assert statuses == [400] * rejected
    feed.let_pass(1)
    assert feed.simulator.get(feed.path).json()["rejected"] == rejected
    assert feed.arrived()[-1]["status"] == 202


def test_values_frozen_in_time_look_sound_and_do_not_move(feed: Feed) -> None:
    feed.override({"mode": "frozen_heartbeat"})
    arrived = len(feed.arrived())
    feed.let_pass(5)
    counters = [
        (packet["device"], one["value"])
        for packet in feed.arrived()[arrived:]
        for one in json.loads(packet["body"])["measurements"]
        if one["key"] == "HEARTBEAT_COUNTER"
    ]
    assert len(counters) > 5
    assert len(set(counters)) == len({device for device, _ in counters})


def test_a_burst_comes_after_the_outage_and_every_device_keeps_its_order(feed: Feed) -> None:
    feed.override({"mode": "burst_after_offline"})
    arrived = len(feed.arrived())
    feed.move(9)
    waiting = feed.wait(lambda view: view.get("failures", 0) > 0)["undelivered"]
    assert len(feed.arrived()) == arrived
    feed.let_pass(2)
    burst = feed.arrived()[arrived:]
    assert len(burst) >= waiting > 100
    assert [packet["findings"] for packet in burst if packet["findings"]] == []


def test_the_command_line_overrides_and_expects(feed: Feed) -> None:
    target, server = (feed.run.rpartition("/")[2], BINDING), ("--url", url_of(feed.simulator))
    each = {
        "to_each": {"message_types": ["Telemetry"], "within_ms": 1_000},
        "messages": [{"message_types": ["Answer"], "where": [{"header": ":status", "equals": "202"}]}],
        "within_ms": 2_000,
        "clock": "wall",
    }
    raised = depot_sim("packets", "expect", *target, json.dumps(each), "--json", *server).json
    feed.let_pass(1)
    met = depot_sim("packets", "expect", *target, "--id", raised["expectation_id"], "--wait", "20", *server)
    assert (met.code, met.out.split()[1]) == (0, "met")

    assert depot_sim("packets", "override", *target, "truncated_json", *server).code == 0
    again = depot_sim("packets", "expect", *target, json.dumps(each), "--json", *server).json
    feed.let_pass(1)
    missed = depot_sim("packets", "expect", *target, "--id", again["expectation_id"], "--wait", "20", *server)
    assert missed.code == 1
    assert 'found "400"; expected "202"' in missed.out


def test_an_outage_goes_on_through_kill_9_and_nothing_is_lost(tmp_path: Path, shared_stand_in: httpx.Client) -> None:
    db, port, platform = f"sqlite:///{tmp_path / 'store.db'}", free_port(), shared_stand_in
    with served(db, tmp_path, port) as (url, pid), _client(url) as http:
        feed = Feed(http, platform, "r")
        feed.override({"mode": "network_outage"})
        feed.move(5)
        waiting = feed.wait(lambda view: view.get("failures", 0) > 0)["undelivered"]
        os.kill(pid, signal.SIGKILL)
    before = len(feed.arrived())
    with served(db, tmp_path, port) as (url, _), _client(url) as http:
        feed.simulator = http
        # What had just arrived may wait again: it comes a second time.
        eventually(lambda: http.get(feed.path).json(), lambda view: view.get("undelivered", 0) >= waiting)
        assert len(feed.arrived()) == before
        feed.override({"clear": "all"})
        feed.let_pass(1)
        arrived = feed.arrived()
    devices = platform.get("/control/packets", params={"limit": 1}).json()["devices"]
    assert len(arrived) >= before + waiting
    assert all(not device["missing"] for device in devices)
    assert {found["kind"] for packet in arrived for found in packet["findings"]} <= {"repeated"}


def test_equal_runs_with_equal_overrides_publish_equal_packets(processes: Processes) -> None:
    late = {"match": {"one_in": 3}, "effect": {"type": "delay", "uniform": {"min_ms": 0, "max_ms": 5}}}
    shuffled = {"match": {"one_in": 2}, "effect": {"type": "reorder", "at_most_ms": 200}}
    recorded = []
    for run_id in ("one", "other"):
        feed = Feed(*processes, run_id)
        feed.let_pass(2)
        for request in ({"mode": "lossy_network"}, late, {"mode": "frozen_soc"}, shuffled):
            feed.override(request)
        feed.let_pass(5)
        recorded.append(canonical_sha256(feed))
    assert recorded[0] == recorded[1]


class Recorded(msgspec.Struct):
    """A line of /events; `data` is the event as recorded."""

    type: str
    data: msgspec.Raw


def canonical_sha256(feed: Feed) -> str:
    """Of the events of the feed's stream, in their order."""
    asked = {"stream": stream_of(feed.run.rpartition("/")[2], BINDING)}
    answer = feed.simulator.get("/events", params=asked, headers={"Accept": "application/jsonl"})
    rows = [msgspec.json.decode(line, type=Recorded) for line in answer.content.splitlines()]
    assert len(rows) > 100
    digest = RunDigest()
    for row in rows:
        digest.add(EncodedEvent(row.type, bytes(row.data)))
    return digest.canonical_sha256


def _client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=patient(120), trust_env=False)
