"""Packets on their way to a platform that is there, is not there, or lies; and a simulator that dies meanwhile."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from domain.packets.packet import packet_id_of
from tests.e2e.packet_endpoint import Endpoint, Lie, answering, close, endpoint, hang, talk_garbage
from tests.e2e.processes import ROOT
from tests.e2e.test_kill import free_port, served
from tests.e2e.test_takeover import server, until
from tests.full_set import only_full
from tests.patience import patient

FEED = "/simulation-runs/r/packet-feeds/iot"
QUICK = {"retry_base_ms": 20, "retry_cap_ms": 200, "request_timeout_ms": 300, "connect_timeout_ms": 300}
TEN_MINUTES = 600


@pytest.fixture
def platform() -> Iterator[Endpoint]:
    with endpoint() as opened:
        yield opened


def client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=patient(120), trust_env=False)


def post(http: httpx.Client, path: str, body: Any = None) -> Any:
    answer = http.post(path, json=body)
    assert answer.status_code < 300, answer.text
    return answer.json()


def start(http: httpx.Client, platform: Endpoint, configured: bool = True) -> None:
    """A run that is moved by hand; its feed opens by itself, or is opened as a request says."""
    document = yaml.safe_load((ROOT / "examples" / "bba-microgrid.yaml").read_text(encoding="utf-8"))
    binding = {"family": "packets", "id": "iot", "managed_scope": "site", "endpoint": platform.url}
    document["projection_bindings"] = [binding] if configured else []
    created = post(http, "/simulation-configurations", document)
    post(http, "/simulation-runs", {"configuration_id": created["id"], "run_id": "r", "tick": "1 s"} | _BY_HAND)
    if not configured:
        asked = {"binding_id": "iot", "managed_scope_id": "site", "endpoint": platform.url, "policy": QUICK}
        post(http, "/simulation-runs/r/packet-feeds", asked)


_BY_HAND = {"clock": {"mode": "MANUAL"}, "start_time": "2026-04-02T06:00:00+10:00"}


def tick(http: httpx.Client, seconds: int) -> None:
    post(http, "/simulation-runs/r/commands/tick", {"count": seconds})


def feed_of(http: httpx.Client) -> Any:
    return http.get(FEED).json()


def finish(http: httpx.Client) -> Any:
    """End the run, and wait until its feed has said and delivered all there is; the feed as it is then."""
    stopped = post(http, "/simulation-runs/r/commands/stop")
    until(lambda: feed_of(http)["status"] == "CLOSED" and healths(http)[-1] == "DOWN")
    view = feed_of(http)
    assert view["checkpoint"] == {"run_version": stopped["version"], "at": view["checkpoint"]["at"]}
    assert not any(device.get("undelivered") for device in http.get(f"{FEED}/devices").json()["devices"])
    return view


def healths(http: httpx.Client) -> list[str]:
    headers = {"Accept": "application/jsonl"}
    text = http.get("/events?stream=packets-r-iot&type=projection.state-changed.1", headers=headers).text
    return [json.loads(line)["data"]["health"] for line in text.splitlines()]


def is_delivered(http: httpx.Client) -> bool:
    view = feed_of(http)
    return view["published"] > 0 and not view.get("undelivered", 0)


def events(http: httpx.Client, kind: str) -> list[Any]:
    """All of the feed's events of this kind, oldest first."""
    headers = {"Accept": "application/jsonl"}
    lines = http.get(f"/events?stream=packets-r-iot&type=packets.{kind}.1", headers=headers).text.splitlines()
    return [json.loads(line)["data"] for line in lines]


def published(http: httpx.Client) -> dict[str, list[int]]:
    """The numbers of each device's packets in the order of publication."""
    seqs: dict[str, list[int]] = {}
    for packet in events(http, "packet-published"):
        seqs.setdefault(packet["device_id"], []).append(packet["seq"])
    return seqs


def assert_nothing_is_missing(http: httpx.Client, platform: Endpoint) -> None:
    """Every device's numbers are complete, and arrived first in their order."""
    numbers = published(http)
    assert all(seqs == list(range(len(seqs))) for seqs in numbers.values())
    assert platform.by_device() == numbers


def test_packets_of_every_type_arrive_in_order(sqlite_url: str, tmp_path: Path, platform: Endpoint) -> None:
    platform.up()
    with served(sqlite_url, tmp_path, free_port()) as (url, _), client(url) as http:
        start(http, platform)
        tick(http, 65)
        post(http, "/simulation-runs/r/commands/set-availability", {"target": "bay-1", "available": False})
        tick(http, 5)
        post(http, "/simulation-runs/r/commands/set-availability", {"target": "bay-1", "available": True})
        tick(http, 65)
        finish(http)
        assert_nothing_is_missing(http, platform)
        assert healths(http) == ["CONNECTING", "UP", "DOWN"]

    assert {packet["type"] for packet in platform.packets} == {"BIRTH", "TELEMETRY", "EVENT", "HEARTBEAT", "DEATH"}
    bay = [packet["type"] for packet in platform.packets if packet["deviceId"] == "charger-bay-1"]
    assert (bay[0], bay[-1]) == ("BIRTH", "DEATH")
    assert Counter(bay)["BIRTH"] == Counter(bay)["DEATH"] == 2
    first = platform.packets[0]
    assert first["packetId"] == packet_id_of("r", first["deviceId"], first["seq"])


def test_ten_minutes_without_a_platform_and_a_kill_lose_nothing(
    sqlite_url: str, tmp_path: Path, platform: Endpoint
) -> None:
    port = free_port()
    with served(sqlite_url, tmp_path, port) as (url, pid), client(url) as http:
        start(http, platform, configured=False)
        tick(http, TEN_MINUTES)
        until(lambda: feed_of(http)["published"] > 500 and feed_of(http)["health"] == "IMPAIRED")
        told = feed_of(http)["last_error"]
        os.kill(pid, signal.SIGKILL)
    assert "connection refused" in told
    assert platform.packets == []

    platform.up()
    with served(sqlite_url, tmp_path, port) as (url, _), client(url) as http:
        until(lambda: is_delivered(http))
        assert feed_of(http)["health"] == "UP"
        view = finish(http)
        assert_nothing_is_missing(http, platform)
        assert view["delivered"] == view["published"] > 500


@pytest.mark.full
def test_a_kill_while_packets_pour_out_makes_none_new_and_loses_none(
    sqlite_url: str, tmp_path: Path, platform: Endpoint
) -> None:
    """The same packets as of a run that nobody disturbed; those under way at the kill may come twice."""
    platform.up()
    port = free_port()
    with served(sqlite_url, tmp_path, port) as (url, pid), client(url) as http:
        start(http, platform)
        tick(http, TEN_MINUTES)
        os.kill(pid, signal.SIGKILL)
    with served(sqlite_url, tmp_path, port) as (url, _), client(url) as http:
        finish(http)
        assert_nothing_is_missing(http, platform)

    with endpoint() as undisturbed, served(f"sqlite:///{tmp_path / 'other.db'}", tmp_path, free_port()) as (url, _):
        undisturbed.up()
        with client(url) as http:
            start(http, undisturbed)
            tick(http, TEN_MINUTES)
            finish(http)
        assert told_by(platform) == told_by(undisturbed)


def told_by(platform: Endpoint) -> dict[str, Any]:
    return {packet["packetId"]: packet for packet in platform.packets}


def test_another_process_goes_on_where_the_first_was_killed(
    postgres_url: str, tmp_path: Path, platform: Endpoint
) -> None:
    with server(postgres_url, tmp_path, "one") as one, server(postgres_url, tmp_path, "two") as two:
        start(one.http, platform, configured=False)
        tick(one.http, TEN_MINUTES)
        until(lambda: feed_of(two.http).get("published", 0) > 500)
        os.kill(one.process.pid, signal.SIGKILL)
        platform.up()
        until(lambda: is_delivered(two.http))
        assert_nothing_is_missing(two.http, platform)
        tick(two.http, 60)
        finish(two.http)
        assert_nothing_is_missing(two.http, platform)


@pytest.mark.full
def test_a_stopped_runs_last_packets_are_delivered_after_a_kill_and_then_it_rests(
    sqlite_url: str, tmp_path: Path, platform: Endpoint
) -> None:
    port = free_port()
    with served(sqlite_url, tmp_path, port) as (url, pid), client(url) as http:
        start(http, platform, configured=False)
        tick(http, 30)
        post(http, "/simulation-runs/r/commands/stop")
        until(lambda: feed_of(http)["status"] == "CLOSING")
        os.kill(pid, signal.SIGKILL)
    platform.up()
    with served(sqlite_url, tmp_path, port) as (url, _), client(url) as http:
        until(lambda: feed_of(http)["status"] == "CLOSED")
        assert_nothing_is_missing(http, platform)
        lasts = {packet["deviceId"]: packet["type"] for packet in platform.packets}
        assert set(lasts.values()) == {"DEATH"}


LIES: dict[str, tuple[Lie, str]] = {
    "hangs": (hang, "no answer within 300 ms"),
    "fails": (answering(500), "answered 500"),
    "is busy": (answering(429, Retry_After="0"), "answered 429"),
    "redirects": (answering(302, Location="http://127.0.0.1:9/elsewhere"), "answered 302"),
    "forbids": (answering(403), "answered 403"),
    "closes": (close, "connection closed without an answer"),
    "talks garbage": (talk_garbage, "what came back is not HTTP"),
}


@pytest.mark.parametrize("lie", [lie if lie in {"fails", "closes"} else only_full(lie) for lie in LIES])
def test_a_platform_that_lies_is_told_on_and_gets_everything(
    sqlite_url: str, tmp_path: Path, platform: Endpoint, lie: str
) -> None:
    platform.lie, expected = LIES[lie]
    platform.lies = 2
    platform.up()
    with served(sqlite_url, tmp_path, free_port()) as (url, _), client(url) as http:
        start(http, platform, configured=False)
        tick(http, 30)
        finish(http)
        assert_nothing_is_missing(http, platform)
        failures = events(http, "packet-delivery-failed")
        assert healths(http)[:2] == ["CONNECTING", "IMPAIRED"]

    assert {failure.get("error") or f"answered {failure['status']}" for failure in failures} == {expected}
    assert Counter(failure["attempt"] for failure in failures) == {1: len(failures) // 2, 2: len(failures) // 2}
    assert len(failures) == 2 * len(platform.attempts)


def test_a_platform_that_asks_for_time_gets_it(sqlite_url: str, tmp_path: Path, platform: Endpoint) -> None:
    platform.lie, platform.lies = answering(503, Retry_After="1"), 1
    platform.up()
    with served(sqlite_url, tmp_path, free_port()) as (url, _), client(url) as http:
        start(http, platform, configured=False)
        began = time.monotonic()
        tick(http, 1)
        until(lambda: is_delivered(http))
        assert time.monotonic() - began > 1
        assert {failure["retry_ms"] for failure in events(http, "packet-delivery-failed")} == {1_000}


def test_a_packet_that_is_refused_is_told_of_and_sent_again_on_demand(
    sqlite_url: str, tmp_path: Path, platform: Endpoint
) -> None:
    platform.lie, platform.lies = answering(422), 1
    platform.up()
    with served(sqlite_url, tmp_path, free_port()) as (url, _), client(url) as http:
        start(http, platform, configured=False)
        tick(http, 1)
        until(lambda: len(events(http, "packet-rejected")) == feed_of(http)["published"] and is_delivered(http))
        refused = events(http, "packet-rejected")
        assert {(event["status"], event["answer"]) for event in refused} == {(422, "no, because we say so")}
        assert platform.packets == []
        assert feed_of(http)["health"] == "IMPAIRED"

        sent = {(packet["device_id"], packet["seq"]): packet for packet in events(http, "packet-published")}
        again = sent[refused[0]["device_id"], refused[0]["seq"]]
        post(http, f"{FEED}/resend", {"packet_id": again["packet_id"]})
        until(lambda: len(platform.packets) == 1)
        assert platform.packets == [json.loads(again["body"])]
        unknown = http.post(f"{FEED}/resend", json={"packet_id": "none"})
        assert unknown.status_code == 404


def test_a_feed_is_closed_and_opened_again(sqlite_url: str, tmp_path: Path, platform: Endpoint) -> None:
    platform.up()
    with served(sqlite_url, tmp_path, free_port()) as (url, _), client(url) as http:
        start(http, platform, configured=False)
        tick(http, 10)
        asked = {"binding_id": "iot", "managed_scope_id": "site", "endpoint": platform.url}
        assert http.post("/simulation-runs/r/packet-feeds", json=asked).status_code == 409
        assert http.delete(FEED).json()["status"] in {"CLOSING", "CLOSED"}
        until(lambda: feed_of(http)["status"] == "CLOSED")
        tick(http, 10)
        assert http.post("/simulation-runs/r/packet-feeds", json=asked).status_code == 201
        tick(http, 10)
        finish(http)
        assert_nothing_is_missing(http, platform)
        types = [packet["type"] for packet in platform.packets if packet["deviceId"] == "node-site"]
        assert [kind for kind in types if kind in {"BIRTH", "DEATH"}] == ["BIRTH", "DEATH"] * 2


BAD: list[tuple[dict[str, Any], str]] = [
    ({"managed_scope_id": "nowhere"}, "/managed_scope_id"),
    ({"endpoint": "ftp://platform"}, "/endpoint"),
    ({"authorization": "bearer"}, "/credentials/outbound"),
    (
        {"authorization": "oauth2", "credentials": {"outbound": {"secret": "env:DEPOT_SIM_SECRET_X"}}},
        "/credentials/token_url",
    ),
    ({"credentials": {"headers": {"X-Key": {"secret": "no such reference"}}}}, "/credentials/headers/X-Key/secret"),
    ({"policy": {"connections": 0}}, "/policy/connections"),
    ({"devices": {"devices": [{"device_id": "ghost", "asset": {"bess": "none"}}]}}, "/devices"),
]


@pytest.fixture(scope="module")
def running_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("bad")
    store = f"sqlite:///{folder / 's.db'}"
    with endpoint() as nowhere, served(store, folder, free_port()) as (url, _), client(url) as http:
        start(http, nowhere)
        yield http


@pytest.mark.parametrize(("wrong", "pointer"), BAD)
def test_a_request_that_cannot_be_is_refused_with_its_fault(
    running_service: httpx.Client, wrong: dict[str, Any], pointer: str
) -> None:
    asked = {"binding_id": "other", "managed_scope_id": "site", "endpoint": "http://127.0.0.1:9/packets"}
    answer = running_service.post("/simulation-runs/r/packet-feeds", json=asked | wrong)
    assert answer.status_code in {400, 422}, answer.text
    assert any(fault["pointer"].startswith(pointer) for fault in answer.json()["faults"]), answer.text
    assert running_service.get("/simulation-runs/r/packet-feeds/other").status_code == 404


def test_a_configured_feed_that_cannot_open_says_why_and_its_run_goes_on(
    sqlite_url: str, tmp_path: Path, platform: Endpoint
) -> None:
    with served(sqlite_url, tmp_path, free_port()) as (url, _), client(url) as http:
        document = yaml.safe_load((ROOT / "examples" / "three-bus-depot.yaml").read_text(encoding="utf-8"))
        binding = {"family": "packets", "id": "iot", "managed_scope": "scope-grid-1", "endpoint": platform.url}
        document["projection_bindings"] = [binding | {"profile": "unheard-of/1"}]
        created = post(http, "/simulation-configurations", document)
        body = {"configuration_id": created["id"], "run_id": "r", "tick": "1 s"} | _BY_HAND
        post(http, "/simulation-runs", body)
        until(lambda: http.get(FEED).status_code == 200)
        view = feed_of(http)
        assert view["status"] == "REFUSED"
        assert "unheard-of/1" in view["reason"]
        tick(http, 10)
        asked = {"binding_id": "iot", "profile": "default/1"}
        post(http, "/simulation-runs/r/packet-feeds", asked)
        assert feed_of(http)["status"] == "OPEN"
