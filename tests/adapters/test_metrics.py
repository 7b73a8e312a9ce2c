"""What the service counts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from depot_sim.adapters.metrics import Durations, MeteredApp, MeteredJournal, Metrics
from depot_sim.application.event_log import Append, StreamWrite
from depot_sim.domain.kernel.errors import StoreError
from depot_sim.domain.kernel.events import EncodedEvent


class Journal:
    """Writes nothing, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self._failure = failure
        self.closed = False

    async def append(self, append: Append) -> Sequence[int]:
        if self._failure is not None:
            raise self._failure
        return range(len(append.writes))

    async def close(self) -> None:
        self.closed = True


def values(metrics: Metrics) -> dict[str, float]:
    lines = (line for line in metrics.text().decode().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def appended(*topics: str) -> Append:
    return Append([StreamWrite("s", 0, [EncodedEvent(topic, b"{}") for topic in topics])])


def test_events_are_counted_by_type_and_ticks_by_themselves() -> None:
    metrics, inner = Metrics(), Journal()
    journal = MeteredJournal(inner, metrics)

    async def write() -> None:
        await journal.append(appended("run.ticked.1", "run.ticked.1", "run.paused.1"))
        await journal.append(appended("run.ticked.1"))
        await journal.close()

    asyncio.run(write())
    counted = values(metrics)
    assert counted['depot_sim_events_appended_total{type="run.ticked.1"}'] == 3
    assert counted['depot_sim_events_appended_total{type="run.paused.1"}'] == 1
    assert counted["depot_sim_ticks_total"] == 3
    assert counted["depot_sim_append_seconds_count"] == 2
    assert inner.closed


def test_what_was_not_written_is_not_counted() -> None:
    metrics = Metrics()
    journal = MeteredJournal(Journal(StoreError("full")), metrics)
    with pytest.raises(StoreError):
        asyncio.run(journal.append(appended("run.ticked.1")))
    assert values(metrics)["depot_sim_ticks_total"] == 0


def test_watched_values_are_read_when_they_are_asked_for() -> None:
    metrics, held = Metrics(), [1.0]
    metrics.watch("depot_sim_runs_held", "Runs", "", lambda: [("", held[0])])
    metrics.watch("depot_sim_lag", "Lag", "read_model", lambda: [("runs", 3), ("power", 4)])
    held[0] = 2.0
    counted = values(metrics)
    assert counted["depot_sim_runs_held"] == 2
    assert counted['depot_sim_lag{read_model="power"}'] == 4


def test_requests_are_counted_by_route_template_never_by_path() -> None:
    metrics = Metrics()
    sent: list[Any] = []

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        scope["path_template"] = "/runs/{id}"
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    async def send(message: Any) -> None:
        sent.append(message["type"])

    async def ask() -> None:
        for run in ("a", "b"):
            await MeteredApp(app, metrics)({"type": "http", "method": "GET", "path": f"/runs/{run}"}, None, send)

    asyncio.run(ask())
    counted = values(metrics)
    assert counted['depot_sim_http_request_seconds_count{method="GET",route="/runs/{id}",status="200"}'] == 2
    assert counted["depot_sim_http_requests_open"] == 0
    assert sent == ["http.response.start", "http.response.body"] * 2


def test_methods_that_clients_make_up_are_counted_as_one() -> None:
    metrics = Metrics()
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    for method in (*known, "get", "BREW", "PROPFIND", "X" * 30_000):
        metrics.answered(method, "none", 404, 0.1)
    name = 'depot_sim_http_request_seconds_count{{method="{}",route="none",status="404"}}'
    counts = {line: count for line, count in values(metrics).items() if line.startswith(name[:36])}
    assert counts == {**{name.format(method): 1 for method in known}, name.format("other"): 4}


def test_a_request_that_fails_is_no_longer_open() -> None:
    metrics = Metrics()

    async def app(*_: Any) -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        asyncio.run(MeteredApp(app, metrics)({"type": "http", "method": "GET"}, None, None))
    assert values(metrics)["depot_sim_http_requests_open"] == 0


OBSERVED = (0.0, 0.001, 0.0011, 0.5, 1.0, 7.5)
BOUNDS = (0.001, 0.5, 2)


def told(collector: Durations) -> bytes:
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry)


def test_it_tells_what_the_librarys_own_histogram_tells() -> None:
    ours = Durations("waited_seconds", "How long", BOUNDS)
    registry = CollectorRegistry()
    theirs = Histogram("waited_seconds", "How long", buckets=BOUNDS, registry=registry)
    for seconds in OBSERVED:
        ours.observe(seconds)
        theirs.observe(seconds)
    assert told(ours) == generate_latest(registry)


def test_it_is_there_before_anything_was_observed() -> None:
    assert b"waited_seconds_count 0" in told(Durations("waited_seconds", "How long", BOUNDS))


def test_it_counts_for_each_set_of_labels() -> None:
    durations = Durations("waited_seconds", "How long", BOUNDS, ("route", "status"))
    for status in (204, 204, 403):
        durations.observe(0.1, "heartbeat", status)
    text = told(durations)
    assert b'waited_seconds_count{route="heartbeat",status="204"} 2' in text
    assert b'waited_seconds_count{route="heartbeat",status="403"} 1' in text
