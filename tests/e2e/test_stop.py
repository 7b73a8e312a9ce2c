"""SIGTERM in the middle of every kind of request: the service is out within 5 s, and says so to whom it can."""

from __future__ import annotations

import json
import re
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.oscp_sockets import PREFIX, Raw, online_by_hand
from tests.e2e.oscp_stage import simulator, start_run
from tests.e2e.processes import finish
from tests.e2e.raw_http import Connection, request
from tests.patience import patient

MOST_SECONDS = patient(5.0)
CLIENTS = 5
"""Of each kind."""


def message(session: Raw, body: bytes, length: int | None = None) -> bytes:
    headers = [f"{name}: {value}" for name, value in session.headers()]
    return request("POST", f"{PREFIX}/heartbeat", *headers, body=body, length=length)


def expectation_of(session: Raw) -> str:
    """The path of an expectation that is not met."""
    asked = {"messages": [{"message_types": ["Handshake"]}], "within_ms": 600_000}
    raised = session.cp.call("POST", "/expectations", asked)
    assert raised.status_code == 201, raised.text
    return f"{session.cp.path}/expectations/{raised.json()['expectation_id']}"


def overridden(http: httpx.Client, effect: dict[str, Any]) -> Raw:
    """A session with this effect on its heartbeats."""
    session = online_by_hand(http, "r")
    asked = {"match": {"message_types": ["Heartbeat"]}, "effect": effect}
    answer = session.cp.call("PATCH", "/overrides", asked)
    assert answer.status_code == 200, answer.text
    return session


def open_requests(http: httpx.Client) -> int:
    """Those that are being processed besides the one that asks."""
    metrics = http.get("/metrics").text
    found = re.search(r"^depot_sim_http_requests_open (\d+)", metrics, re.MULTILINE)
    assert found is not None, metrics
    return int(found[1]) - 1


def test_whatever_is_under_way_the_service_stops_within_5_s(tmp_path: Path) -> None:
    with simulator(tmp_path) as (http, process), ExitStack() as connections:
        start_run(http, run_id="r")
        sound = b'{"offline_mode_at": "2096-04-02T10:00:00Z"}'
        session = online_by_hand(http, "r")
        ignored = overridden(http, {"type": "ignore"})
        delayed = overridden(http, {"type": "delay", "fixed_ms": 600_000})
        waiting_path = expectation_of(session)

        def connected(data: bytes) -> list[Connection]:
            opened = [connections.enter_context(Connection(str(http.base_url))) for _ in range(CLIENTS)]
            return [each.send(data) for each in opened]

        json_body = "Content-Type: application/json"
        waiting = connected(request("GET", f"{waiting_path}?wait=60"))
        streams = connected(request("GET", "/simulation-runs/r/events", "Accept: text/event-stream"))
        half_message = connected(message(session, sound[:10], length=100))
        half_body = connected(request("POST", "/simulation-configurations", json_body, body=b"{", length=100))
        unanswered = [*connected(message(ignored, sound)), *connected(message(delayed, sound))]
        quiet = [*connected(request("GET", "/livez")[:-2]), *connected(b"")]
        deadline = time.monotonic() + patient(30)
        while open_requests(http) < 6 * CLIENTS:
            assert time.monotonic() < deadline, "not every request has arrived"

        began = time.monotonic()
        process.terminate()
        waiting_heard = [each.to_the_end() for each in waiting]
        half_heard = [each.to_the_end() for each in (*half_message, *half_body)]
        streams_heard = [each.to_the_end() for each in streams]
        unheard = [each.to_the_end() for each in (*unanswered, *quiet)]
        finished = finish(process)
        seconds = time.monotonic() - began

    assert finished.code == 0, finished.err
    assert seconds < MOST_SECONDS
    assert "Traceback" not in finished.err, finished.err.partition("Traceback")[2][:3000]
    assert [line for line in map(json.loads, finished.err.splitlines()) if line["severity_text"] == "ERROR"] == []
    assert {_status(each) for each in waiting_heard} == {503}
    for each in waiting_heard:
        problem = json.loads(each.partition(b"\r\n\r\n")[2])
        assert problem["type"] == "urn:depot-sim:problem:service-stopping"
    assert {_status(each) for each in half_heard} == {503}
    assert {_status(each) for each in streams_heard} == {200}
    assert unheard == [b""] * len(unheard)


def _status(answer: bytes) -> int:
    return int(answer.split(b" ")[1]) if answer else 0


def test_further_signals_do_not_change_the_exit_code(tmp_path: Path) -> None:
    with simulator(tmp_path) as (_, process):
        process.terminate()
        deadline = time.monotonic() + patient(30)
        while process.poll() is None:
            assert time.monotonic() < deadline, "the service has not ended"
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
        assert finish(process).code == 0
