"""A client of server-sent events that is cut again and again has every event once."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.processes import ROOT, serving
from tests.patience import patient

CUTS = 50
RUN = "/simulation-runs/event-stream"
EVENTS = f"{RUN}/events"


class Reader:
    """Follows a run; remembers the events it has received whole, and nothing else."""

    def __init__(self, http: httpx.Client, received: list[dict[str, Any]]) -> None:
        self._http = http
        self.received = received

    def read(self, size: int) -> None:
        """Go on after the last event received whole, and leave after so many bytes."""
        left, text = size, b""
        for piece in self._pieces():
            text += piece[:left]
            left -= len(piece[:left])
            if not left:
                break
        self._take(text)

    def read_until(self, topic: str) -> None:
        text = b""
        for piece in self._pieces():
            text += piece
            if f"event: {topic}\n".encode() in text and text.endswith(b"\n\n"):
                break
        self._take(text)

    def _pieces(self) -> Iterator[bytes]:
        last = {"Last-Event-ID": str(self.received[-1]["id"])} if self.received else {}
        with self._http.stream("GET", EVENTS, headers={"Accept": "text/event-stream", **last}) as response:
            assert response.status_code == 200
            yield from response.iter_raw()

    def _take(self, text: bytes) -> None:
        """As a browser does: an event that lacks its empty line was never received."""
        whole, _, _cut_off = text.rpartition(b"\n\n")
        for block in whole.decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            if fields:
                self.received.append({"id": int(fields["id"]), "type": fields["event"], **json.loads(fields["data"])})


def start_run(http: httpx.Client) -> None:
    """In real time, at two hundred ticks a second."""
    definition = (ROOT / "examples" / "three-bus-depot.yaml").read_bytes()
    created = http.post("/simulation-configurations", content=definition, headers={"Content-Type": "application/yaml"})
    clock = {"mode": "REALTIME", "speed": "200"}
    body = {"configuration_id": created.json()["id"], "run_id": "event-stream", "tick": "1 s", "clock": clock}
    assert http.post("/simulation-runs", json=body).status_code == 201


def recorded(http: httpx.Client) -> list[dict[str, Any]]:
    lines = http.get(EVENTS, headers={"Accept": "application/jsonl"}).text.splitlines()
    return [json.loads(line) for line in lines]


def test_a_client_cut_fifty_times_while_the_run_ticks_has_every_event_once(shared_simulator: httpx.Client) -> None:
    http = shared_simulator
    start_run(http)
    reader, chance = Reader(http, []), random.Random(7)
    for _ in range(CUTS):
        reader.read(chance.randint(1, 6_000))
    http.post(f"{RUN}/commands/stop").raise_for_status()
    reader.read_until("run.stopped.1")

    expected = recorded(http)
    assert [event["id"] for event in reader.received] == [event["position"] for event in expected]
    assert [{**event, "id": 0} for event in reader.received] == [{"id": 0, **event} for event in expected]
    assert len(expected) > 200


def test_a_client_goes_on_where_it_was_when_the_service_comes_back(sqlite_url: str, tmp_path: Path) -> None:
    received: list[dict[str, Any]] = []
    for restart in range(3):
        with (
            serving(sqlite_url, tmp_path) as url,
            httpx.Client(base_url=url, timeout=patient(120), trust_env=False) as http,
        ):
            if restart == 0:
                start_run(http)
            reader = Reader(http, received)
            reader.read(20_000)
            if restart == 2:
                http.post(f"{RUN}/commands/stop").raise_for_status()
                reader.read_until("run.stopped.1")
                expected = recorded(http)

    assert [event["id"] for event in received] == [event["position"] for event in expected]
    resumed = [event["data"]["reason"] for event in expected if event["type"] == "run.resumed.1"]
    assert resumed == ["RESTART", "RESTART"]
