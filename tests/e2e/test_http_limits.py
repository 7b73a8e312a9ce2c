"""The limits of HTTP connections of a running service, made small so that a test takes milliseconds."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.oscp_sockets import PREFIX, Raw, online_by_hand
from tests.e2e.oscp_stage import start_run
from tests.e2e.processes import depot_sim, running, wait_for
from tests.e2e.raw_http import Connection, request
from tests.patience import patient

LIMITS = ("head-seconds=1", "body-seconds=1", "connections=400", "connections-per-address=350")
HALF_REQUESTS = 300
HEARTBEAT = b'{"offline_mode_at": "2096-04-02T10:00:00Z"}'
H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
JSON = "Content-Type: application/json"


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A service that all tests of the module share, with a run."""
    folder = tmp_path_factory.mktemp("limits")
    ready_file = folder / "ready.json"
    options = [part for limit in LIMITS for part in ("--limit", limit)]
    arguments = ("serve", "--db", f"sqlite:///{folder / 'store.db'}", "--port", "0", "--ready-file", str(ready_file))
    with running(*arguments, *options) as process:
        wait_for(ready_file.exists, process)
        url = json.loads(ready_file.read_bytes())["url"]
        with httpx.Client(base_url=url, timeout=patient(60), trust_env=False) as client:
            start_run(client, run_id="r")
            yield client


@pytest.fixture(scope="module")
def session(http: httpx.Client) -> Raw:
    return online_by_hand(http, "r")


def answer(http: httpx.Client, data: bytes, *, parts: int = 0) -> bytes:
    """All that comes back; `parts` pieces of 64 kB are sent after the data, as far as they are taken."""
    with Connection(str(http.base_url)) as connection:
        connection.send(data)
        try:
            for _ in range(parts):
                connection.send(b"x" * 2**16)
        except ConnectionError:
            pass
        return connection.to_the_end()


def problem(response: bytes) -> Any:
    document = json.loads(response.partition(b"\r\n\r\n")[2])
    assert document["type"].startswith("urn:depot-sim:problem:")
    return document


class TestClientsThatOfferToUpgrade:
    """As Java's do by default on plain HTTP: the offer is declined, and nothing of the request is lost."""

    def test_a_heartbeat_is_accepted(self, http: httpx.Client, session: Raw) -> None:
        for _ in range(3):
            headers = [f"{name}: {value}" for name, value in session.headers()]
            message = request("POST", f"{PREFIX}/heartbeat", *H2C[1:], *headers, f"{H2C[0]}, close", body=HEARTBEAT)
            assert answer(http, message).startswith(b"HTTP/1.1 204 ")

    def test_a_command_is_carried_out(self, http: httpx.Client) -> None:
        path = "/simulation-configurations"
        response = answer(http, request("POST", path, *H2C[1:], JSON, f"{H2C[0]}, close", body=b'{"name": 5}'))
        assert response.startswith(b"HTTP/1.1 422 ")
        assert problem(response)["faults"]


class TestHeads:
    def test_a_header_without_an_end_is_refused_and_no_other_request_waits(self, http: httpx.Client) -> None:
        refused: list[bytes] = []
        sender = threading.Thread(
            target=lambda: refused.append(answer(http, b"GET / HTTP/1.1\r\nX: ", parts=300)), daemon=True
        )
        sender.start()
        slowest = 0.0
        while sender.is_alive():
            slowest = max(slowest, seconds_of(http, "/livez"))
        assert problem(refused[0])["status"] == 431
        assert problem(refused[0])["type"] == "urn:depot-sim:problem:request-header-fields-too-large"
        assert slowest < patient(1.0)

    @pytest.mark.parametrize("path", ["/simulation-runs", f"{PREFIX}/heartbeat"])
    def test_a_head_of_70_kb_is_refused(self, http: httpx.Client, path: str) -> None:
        assert problem(answer(http, request("GET", path, "X: " + "x" * 70_000)))["status"] == 431

    def test_a_request_without_a_host_is_refused_as_the_page_about_limits_says(self, http: httpx.Client) -> None:
        head, _, body = answer(http, b"GET /livez HTTP/1.1\r\n\r\n").partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert b"content-type: text/plain" in head
        assert body == b"Invalid HTTP request received."

    @pytest.mark.parametrize("path", ["/simulation-runs", f"{PREFIX}/heartbeat"])
    def test_two_hosts_are_refused(self, http: httpx.Client, path: str) -> None:
        assert answer(http, request("POST", path, "Host: other")).startswith(b"HTTP/1.1 400 ")

    def test_a_session_is_found_whatever_blanks_are_around_its_id(self, http: httpx.Client, session: Raw) -> None:
        headers = [f"{name}:  {value} \t " for name, value in session.headers()]
        message = request("POST", f"{PREFIX}/heartbeat", *headers, "Connection: close", body=HEARTBEAT)
        assert answer(http, message).startswith(b"HTTP/1.1 204 ")


@pytest.mark.parametrize(
    ("path", "headers"), [("/simulation-configurations", (JSON,)), (f"{PREFIX}/heartbeat", (JSON, "X-Request-ID: r"))]
)
def test_a_body_that_does_not_come_is_answered_408(http: httpx.Client, path: str, headers: tuple[str, ...]) -> None:
    assert problem(answer(http, request("POST", path, *headers, body=b"{", length=100)))["status"] == 408


def test_half_requests_are_ended_and_the_service_answers_meanwhile(http: httpx.Client) -> None:
    """And more connections than the limit are refused."""
    halves = (b"GET /livez HTTP/1.1\r\nHost: local", request("POST", f"{PREFIX}/heartbeat", body=b"{", length=100))
    with ExitStack() as opened:
        connections = [
            opened.enter_context(Connection(str(http.base_url))).send(halves[number % 2])
            for number in range(HALF_REQUESTS)
        ]
        slowest = max(seconds_of(http, "/livez") for _ in range(20))
        heard = [each.to_the_end() for each in connections]
    assert {problem(each)["status"] for each in heard} == {408}
    assert slowest < patient(1.0)
    assert 'depot_sim_http_refusals{status="408"}' in http.get("/metrics").text


def test_half_requests_of_two_addresses_take_no_place_from_others(http: httpx.Client) -> None:
    """Half requests of one address, and then of another, are 500, which is more than there are places."""
    url, newest = str(http.base_url), http.get("/events?limit=1000").json()["events"][-1]["position"]
    with ExitStack() as opened:
        stream = opened.enter_context(Connection(url))
        stream.send(request("GET", f"/events?after={newest}", "Accept: text/event-stream")).until(b": depot-sim")
        partner = opened.enter_context(Connection(url))
        partner.send(request("GET", "/livez")).until(b"ok")
        for source in ("127.0.0.2", "127.0.0.3"):
            for number in range(250):
                half = request("POST", f"{PREFIX}/heartbeat", body=b"{", length=100)
                opened.enter_context(Connection(url, source)).send(half if number % 2 else half[:30])
            assert answer(http, request("GET", "/livez", "Connection: close")).startswith(b"HTTP/1.1 200 ")
            partner.send(request("GET", "/livez")).until(b"ok")
        start_run(http, run_id="another")
        stream.until(b"id: ")


def test_a_limit_that_does_not_exist_is_named_before_anything_starts(tmp_path: Path) -> None:
    finished = depot_sim("serve", "--db", f"sqlite:///{tmp_path / 'x.db'}", "--limit", "header-bytes=1000")
    assert finished.code == 2
    assert "did you mean head-bytes=VALUE?" in finished.err
    assert not (tmp_path / "x.db").exists()


def seconds_of(http: httpx.Client, path: str) -> float:
    began = time.monotonic()
    assert http.get(path).status_code == 200
    return time.monotonic() - began
