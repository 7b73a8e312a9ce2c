"""Packets on their way to a platform that is there, is not there, or lies; and a simulator that dies meanwhile."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import yaml

from depot_sim.domain.packets.packet import packet_id_of
from tests.e2e.packet_endpoint import Endpoint, Lie, answering, close, endpoint, hang, talk_garbage
from tests.e2e.processes import ROOT
from tests.e2e.test_kill import free_port, served
from tests.e2e.test_takeover import server, until
from tests.full_set import only_full
from tests.patience import patient

QUICK = {"retry_base_ms": 20, "retry_cap_ms": 200, "request_timeout_ms": 60_000, "connect_timeout_ms": 60_000}
"""Pauses are short; a busy machine must not run into the time-outs, which are no subject of most tests."""
IMPATIENT = QUICK | {"request_timeout_ms": 2_000}
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


class Feed(NamedTuple):
    """The packet feed of one run, which is moved by hand."""

    http: httpx.Client
    run_id: str

    @property
    def run(self) -> str:
        return f"/simulation-runs/{self.run_id}"

    @property
    def path(self) -> str:
        return f"{self.run}/packet-feeds/iot"

    def view(self) -> Any:
        return self.http.get(self.path).json()

    def tick(self, seconds: int) -> None:
        post(self.http, f"{self.run}/commands/tick", {"count": seconds})

    def set_availability(self, bay: str, available: bool) -> None:
        post(self.http, f"{self.run}/commands/set-availability", {"target": bay, "available": available})

    def finish(self) -> Any:
        """End the run, and wait until its feed has said and delivered all there is; the feed as it is then."""
        stopped = post(self.http, f"{self.run}/commands/stop")
        until(lambda: self.view()["status"] == "CLOSED" and self.healths()[-1] == "DOWN")
        view = self.view()
        assert view["checkpoint"] == {"run_version": stopped["version"], "at": view["checkpoint"]["at"]}
        assert not any(device.get("undelivered") for device in self.http.get(f"{self.path}/devices").json()["devices"])
        return view

    def healths(self) -> list[str]:
        return [event["health"] for event in self._events("projection.state-changed.1")]

    def is_delivered(self) -> bool:
        view = self.view()
        return view.get("published", 0) > 0 and not view.get("undelivered", 0)

    def events(self, kind: str) -> list[Any]:
        """All of the feed's events of this kind, oldest first."""
        return self._events(f"packets.{kind}.1")

    def _events(self, topic: str) -> list[Any]:
        headers = {"Accept": "application/jsonl"}
        text = self.http.get(f"/events?stream=packets-{self.run_id}-iot&type={topic}", headers=headers).text
        return [json.loads(line)["data"] for line in text.splitlines()]

    def published(self) -> dict[str, list[int]]:
        """The numbers of each device's packets in the order of publication."""
        seqs: dict[str, list[int]] = {}
        for packet in self.events("packet-published"):
            seqs.setdefault(packet["device_id"], []).append(packet["seq"])
        return seqs


_BY_HAND = {"clock": {"mode": "MANUAL"}, "start_time": "2026-04-02T06:00:00+10:00"}


def start(
    http: httpx.Client,
    platform: Endpoint,
    run_id: str = "r",
    configured: bool = True,
    policy: Mapping[str, int] = QUICK,
) -> Feed:
    """A run that is moved by hand; its feed opens by itself, or is opened by a request with this policy."""
    document = yaml.safe_load((ROOT / "examples" / "bba-microgrid.yaml").read_text(encoding="utf-8"))
    binding = {"family": "packets", "id": "iot", "managed_scope": "site", "endpoint": platform.url}
    document["projection_bindings"] = [binding] if configured else []
    created = post(http, "/simulation-configurations", document)
    post(http, "/simulation-runs", {"configuration_id": created["id"], "run_id": run_id, "tick": "1 s"} | _BY_HAND)
    if not configured:
        asked = {"binding_id": "iot", "managed_scope_id": "site", "endpoint": platform.url, "policy": policy}
        post(http, f"/simulation-runs/{run_id}/packet-feeds", asked)
    return Feed(http, run_id)


def assert_nothing_is_missing(feed: Feed, platform: Endpoint) -> None:
    """Every device's numbers are complete, and arrived first in their order."""
    numbers = feed.published()
    assert all(seqs == list(range(len(seqs))) for seqs in numbers.values())
    assert platform.by_device() == numbers


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """For tests that kill nothing; each starts a run of its own."""
    folder = tmp_path_factory.mktemp("service")
    with served(f"sqlite:///{folder / 's.db'}", folder, free_port()) as (url, _), client(url) as http:
        yield http


def test_packets_of_every_type_arrive_in_order(service: httpx.Client, platform: Endpoint) -> None:
    platform.up()
    feed = start(service, platform, "every-type")
    feed.tick(65)
    feed.set_availability("bay-1", False)
    feed.tick(5)
    feed.set_availability("bay-1", True)
    feed.tick(65)
    feed.finish()
    assert_nothing_is_missing(feed, platform)
    assert feed.healths() == ["CONNECTING", "UP", "DOWN"]

    assert {packet["type"] for packet in platform.packets} == {"BIRTH", "TELEMETRY", "EVENT", "HEARTBEAT", "DEATH"}
    bay = [packet["type"] for packet in platform.packets if packet["deviceId"] == "charger-bay-1"]
    assert (bay[0], bay[-1]) == ("BIRTH", "DEATH")
    assert Counter(bay)["BIRTH"] == Counter(bay)["DEATH"] == 2
    first = platform.packets[0]
    assert first["packetId"] == packet_id_of(feed.run_id, first["deviceId"], first["seq"])


def test_ten_minutes_without_a_platform_and_a_kill_lose_nothing(
    sqlite_url: str, tmp_path: Path, platform: Endpoint
) -> None:
    port = free_port()
    with served(sqlite_url, tmp_path, port) as (url, pid), client(url) as http:
        feed = start(http, platform, configured=False)
        feed.tick(TEN_MINUTES)
        until(lambda: feed.view()["published"] > 500 and feed.view()["health"] == "IMPAIRED")
        told = feed.view()["last_error"]
        os.kill(pid, signal.SIGKILL)
    assert "connection refused" in told
    assert platform.packets == []

    platform.up()
    with served(sqlite_url, tmp_path, port) as (url, _), client(url) as http:
        feed = Feed(http, "r")
        until(feed.is_delivered)
        assert feed.view()["health"] == "UP"
        view = feed.finish()
        assert_nothing_is_missing(feed, platform)
        assert view["delivered"] == view["published"] > 500


@pytest.mark.full
def test_a_kill_while_packets_pour_out_makes_none_new_and_loses_none(
    sqlite_url: str, tmp_path: Path, platform: Endpoint
) -> None:
    """The same packets as of a run that nobody disturbed; those under way at the kill may come twice."""
    platform.up()
    port = free_port()
    with served(sqlite_url, tmp_path, port) as (url, pid), client(url) as http:
        start(http, platform).tick(TEN_MINUTES)
        os.kill(pid, signal.SIGKILL)
    with served(sqlite_url, tmp_path, port) as (url, _), client(url) as http:
        feed = Feed(http, "r")
        feed.finish()
        assert_nothing_is_missing(feed, platform)

    with endpoint() as undisturbed, served(f"sqlite:///{tmp_path / 'other.db'}", tmp_path, free_port()) as (url, _):
        undisturbed.up()
        with client(url) as http:
            feed = start(http, undisturbed)
            feed.tick(TEN_MINUTES)
            feed.finish()
        assert told_by(platform) == told_by(undisturbed)


def told_by(platform: Endpoint) -> dict[str, Any]:
    return {packet["packetId"]: packet for packet in platform.packets}


def test_another_process_goes_on_where_the_first_was_killed(
    postgres_url: str, tmp_path: Path, platform: Endpoint
) -> None:
    with server(postgres_url, tmp_path, "one") as one, server(postgres_url, tmp_path, "two") as two:
        start(one.http, platform, configured=False).tick(TEN_MINUTES)
        feed = Feed(two.http, "r")
        until(lambda: feed.view().get("published", 0) > 500)
        os.kill(one.process.pid, signal.SIGKILL)
        platform.up()
        until(feed.is_delivered)
        assert_nothing_is_missing(feed, platform)
        feed.tick(60)
        feed.finish()
        assert_nothing_is_missing(feed, platform)


@pytest.mark.full
def test_a_stopped_runs_last_packets_are_delivered_after_a_kill_and_then_it_rests(
    sqlite_url: str, tmp_path: Path, platform: Endpoint
) -> None:
    port = free_port()
    with served(sqlite_url, tmp_path, port) as (url, pid), client(url) as http:
        feed = start(http, platform, configured=False)
        feed.tick(30)
        post(http, f"{feed.run}/commands/stop")
        until(lambda: feed.view()["status"] == "CLOSING")
        os.kill(pid, signal.SIGKILL)
    platform.up()
    with served(sqlite_url, tmp_path, port) as (url, _), client(url) as http:
        feed = Feed(http, "r")
        until(lambda: feed.view()["status"] == "CLOSED")
        assert_nothing_is_missing(feed, platform)
        lasts = {packet["deviceId"]: packet["type"] for packet in platform.packets}
        assert set(lasts.values()) == {"DEATH"}


LIES: dict[str, tuple[Lie, str]] = {
    "hangs": (hang, "no answer within 2000 ms"),
    "fails": (answering(500), "answered 500"),
    "is busy": (answering(429, Retry_After="0"), "answered 429"),
    "redirects": (answering(302, Location="http://127.0.0.1:9/elsewhere"), "answered 302"),
    "forbids": (answering(403), "answered 403"),
    "closes": (close, "connection closed without an answer"),
    "talks garbage": (talk_garbage, "what came back is not HTTP"),
}


@pytest.mark.parametrize("lie", [lie if lie in {"fails", "closes"} else only_full(lie) for lie in LIES])
def test_a_platform_that_lies_is_told_on_and_gets_everything(
    service: httpx.Client, platform: Endpoint, lie: str
) -> None:
    platform.lie, expected = LIES[lie]
    platform.lies = 2
    platform.up()
    policy = IMPATIENT if lie == "hangs" else QUICK
    feed = start(service, platform, f"lie-{lie.replace(' ', '-')}", configured=False, policy=policy)
    feed.tick(30)
    feed.finish()
    assert_nothing_is_missing(feed, platform)
    failures = feed.events("packet-delivery-failed")
    assert feed.healths()[:2] == ["CONNECTING", "IMPAIRED"]
    assert {failure.get("error") or f"answered {failure['status']}" for failure in failures} == {expected}
    assert Counter(failure["attempt"] for failure in failures) == {1: len(failures) // 2, 2: len(failures) // 2}
    assert len(failures) == 2 * len(platform.attempts)


def test_a_platform_that_asks_for_time_gets_it(service: httpx.Client, platform: Endpoint) -> None:
    platform.lie, platform.lies = answering(503, Retry_After="1"), 1
    platform.up()
    feed = start(service, platform, "asks-for-time", configured=False)
    began = time.monotonic()
    feed.tick(1)
    until(feed.is_delivered)
    assert time.monotonic() - began > 1
    assert {failure["retry_ms"] for failure in feed.events("packet-delivery-failed")} == {1_000}


def test_a_packet_that_is_refused_is_told_of_and_sent_again_on_demand(
    service: httpx.Client, platform: Endpoint
) -> None:
    platform.lie, platform.lies = answering(422), 1
    platform.up()
    feed = start(service, platform, "refused", configured=False)
    feed.tick(1)
    until(lambda: len(feed.events("packet-rejected")) == feed.view()["published"] and feed.is_delivered())
    refused = feed.events("packet-rejected")
    assert {(event["status"], event["answer"]) for event in refused} == {(422, "no, because we say so")}
    assert platform.packets == []
    assert feed.view()["health"] == "IMPAIRED"

    sent = {(packet["device_id"], packet["seq"]): packet for packet in feed.events("packet-published")}
    again = sent[refused[0]["device_id"], refused[0]["seq"]]
    post(service, f"{feed.path}/resend", {"packet_id": again["packet_id"]})
    until(lambda: len(platform.packets) == 1)
    assert platform.packets == [json.loads(again["body"])]
    unknown = service.post(f"{feed.path}/resend", json={"packet_id": "none"})
    assert unknown.status_code == 404


def test_a_feed_is_closed_and_opened_again(service: httpx.Client, platform: Endpoint) -> None:
    platform.up()
    feed = start(service, platform, "closed-and-opened", configured=False)
    feed.tick(10)
    asked = {"binding_id": "iot", "managed_scope_id": "site", "endpoint": platform.url}
    assert service.post(f"{feed.run}/packet-feeds", json=asked).status_code == 409
    assert service.delete(feed.path).json()["status"] in {"CLOSING", "CLOSED"}
    until(lambda: feed.view()["status"] == "CLOSED")
    feed.tick(10)
    assert service.post(f"{feed.run}/packet-feeds", json=asked).status_code == 201
    feed.tick(10)
    feed.finish()
    assert_nothing_is_missing(feed, platform)
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
def running(service: httpx.Client) -> Iterator[Feed]:
    """Of a run that the following tests share; its platform is down."""
    with endpoint() as nowhere:
        yield start(service, nowhere, "shared")


@pytest.mark.parametrize(("wrong", "pointer"), BAD)
def test_a_request_that_cannot_be_is_refused_with_its_fault(running: Feed, wrong: dict[str, Any], pointer: str) -> None:
    asked = {"binding_id": "other", "managed_scope_id": "site", "endpoint": "http://127.0.0.1:9/packets"}
    answer = running.http.post(f"{running.run}/packet-feeds", json=asked | wrong)
    assert answer.status_code in {400, 422}, answer.text
    assert any(fault["pointer"].startswith(pointer) for fault in answer.json()["faults"]), answer.text
    assert running.http.get(f"{running.run}/packet-feeds/other").status_code == 404


def test_a_configured_feed_that_cannot_open_says_why_and_its_run_goes_on(
    service: httpx.Client, platform: Endpoint
) -> None:
    document = yaml.safe_load((ROOT / "examples" / "three-bus-depot.yaml").read_text(encoding="utf-8"))
    binding = {"family": "packets", "id": "iot", "managed_scope": "scope-grid-1", "endpoint": platform.url}
    document["projection_bindings"] = [binding | {"profile": "unheard-of/1"}]
    created = post(service, "/simulation-configurations", document)
    feed = Feed(service, "cannot-open")
    body = {"configuration_id": created["id"], "run_id": feed.run_id, "tick": "1 s"} | _BY_HAND
    post(service, "/simulation-runs", body)
    until(lambda: service.get(feed.path).status_code == 200)
    view = feed.view()
    assert view["status"] == "REFUSED"
    assert "unheard-of/1" in view["reason"]
    feed.tick(10)
    asked = {"binding_id": "iot", "profile": "default/1"}
    post(service, f"{feed.run}/packet-feeds", asked)
    assert feed.view()["status"] == "OPEN"
