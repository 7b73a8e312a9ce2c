"""A hundred event streams that are not read: others are served, the streams are ended, and nothing is lost."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import Popen
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest

from tests.e2e.processes import ROOT, finish, running, wait_for
from tests.patience import patient

STREAMS = 100
RUN = "/simulation-runs/r"
EVENT_STREAM = "text/event-stream"


class Service(NamedTuple):
    http: httpx.Client
    process: Popen[str]

    def open_streams(self) -> int:
        text = self.http.get("/metrics").text
        found = re.search(r"^depot_sim_event_streams (\S+)$", text, re.MULTILINE)
        assert found is not None, text
        return int(float(found[1]))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """With a run of three thousand ticks, which is more than the buffers of a connection hold."""
    ready = tmp_path / "ready.json"
    limits = ("--limit", f"event-streams={STREAMS + 1}", "--limit", "event-stream-seconds=1")
    arguments = ("serve", "--db", f"sqlite:///{tmp_path}/depot.db", "--port", "0", "--ready-file", str(ready))
    with running(*arguments, *limits) as process:
        wait_for(ready.exists, process)
        url = json.loads(ready.read_bytes())["url"]
        with httpx.Client(base_url=url, timeout=patient(60), trust_env=False) as http:
            definition = (ROOT / "examples" / "three-bus-depot.yaml").read_bytes()
            created = http.post(
                "/simulation-configurations", content=definition, headers={"Content-Type": "application/yaml"}
            )
            run = {"configuration_id": created.json()["id"], "run_id": "r", "clock": {"mode": "MANUAL"}, "tick": "1 s"}
            assert http.post("/simulation-runs", json=run).status_code == 201
            tick(http, 3_000)
            yield Service(http, process)


def tick(http: httpx.Client, count: int) -> None:
    response = http.post(f"{RUN}/commands/tick", json={"count": count})
    assert response.status_code == 200, response.text


@contextmanager
def never_read(url: httpx.URL) -> Iterator[socket.socket]:
    address = urlsplit(str(url))
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.settimeout(patient(60))
        client.connect((address.hostname, address.port))
        client.sendall(
            f"GET {RUN}/events HTTP/1.1\r\nHost: {address.netloc}\r\nAccept: {EVENT_STREAM}\r\n\r\n".encode()
        )
        yield client


def rest_of(client: socket.socket) -> bytes:
    """What was still in the buffers when the service ended the connection."""
    received = b""
    try:
        while piece := client.recv(65_536):
            received += piece
    except ConnectionResetError:
        pass
    return received


def ids(text: bytes) -> list[int]:
    """Of the events received whole. What frames the chunks of a response is no part of them."""
    whole = b"".join(re.split(rb"\r\n[0-9a-f]+\r\n", text)).rpartition(b"\n\n")[0]
    return [int(found) for found in re.findall(rb"^id: (\d+)$", whole, re.MULTILINE)]


def follow_until(http: httpx.Client, after: int, last: int) -> list[int]:
    """The ids of a client that reads, from where it left off."""
    headers = {"Accept": EVENT_STREAM, "Last-Event-ID": str(after)}
    received: list[int] = []
    with http.stream("GET", f"{RUN}/events", headers=headers) as response:
        assert response.status_code == 200
        for line in response.iter_lines():
            if line.startswith("id: "):
                received.append(int(line[4:]))
                if received[-1] == last:
                    break
    return received


def test_a_hundred_streams_that_are_never_read_are_ended_and_lose_nothing(service: Service) -> None:
    http = service.http
    recorded = [json.loads(line)["position"] for line in lines(http)]
    with ExitStack() as streams:
        clients = [streams.enter_context(never_read(http.base_url)) for _ in range(STREAMS)]
        for client in clients:
            assert client.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 200"

        assert follow_until(http, 0, recorded[-1]) == recorded
        assert http.get("/livez").status_code == http.get(RUN).status_code == 200
        tick(http, 1)

        wait_for(lambda: service.open_streams() == 0, service.process)
        received = ids(rest_of(clients[0]))

    assert 0 < len(received) < len(recorded)
    assert received + follow_until(http, received[-1], recorded[-1]) == recorded
    service.process.terminate()
    finished = finish(service.process)
    assert finished.code == 0
    assert finished.err.count("took nothing of it for 1 s") == STREAMS
    assert "Traceback" not in finished.err


def test_a_stream_beyond_the_limit_is_refused_until_another_has_left(service: Service) -> None:
    http = service.http
    idle = [("GET", "/events", {"after": "1000000"}, {"Accept": EVENT_STREAM})] * (STREAMS + 1)
    with (
        ExitStack() as streams,
        httpx.Client(base_url=http.base_url, timeout=patient(60), limits=httpx.Limits(max_connections=None)) as crowd,
    ):
        for method, path, query, headers in idle:
            response = streams.enter_context(crowd.stream(method, path, params=query, headers=headers))
            assert response.status_code == 200

        refused = http.get("/events", headers={"Accept": EVENT_STREAM})
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        assert refused.json()["type"] == "urn:depot-sim:problem:too-busy"
        assert "event-streams" in refused.json()["detail"]
        assert http.get("/events").status_code == 200

    wait_for(lambda: service.open_streams() == 0, service.process)
    first = json.loads(lines(http)[0])["position"]
    assert follow_until(http, 0, first) == [first]


def lines(http: httpx.Client) -> list[str]:
    return http.get(f"{RUN}/events", headers={"Accept": "application/jsonl"}).text.splitlines()
