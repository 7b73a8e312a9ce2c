"""What the service counts, for Prometheus."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from depot_sim.application.event_log import Append, Journal
from depot_sim.domain.run.events import RunTicked

_COMMIT_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER_METHOD = "other"
"""The label of every other method: a client can send any text, and each label takes memory until the process ends."""

Labelled = tuple[str, float]

disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """One registry per service, so that two in a process do not share counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._appended = Counter(
            "depot_sim_events_appended", "Events appended, by type", ("type",), registry=self.registry
        )
        self._ticks = Counter("depot_sim_ticks", "Ticks of all runs held here", registry=self.registry)
        self._commits = Durations(
            "depot_sim_append_seconds", "From handing over an append to its commit", _COMMIT_SECONDS
        )
        self._requests = Durations(
            "depot_sim_http_request_seconds",
            "Requests by method, route and status; of streams only the beginning",
            _REQUEST_SECONDS,
            ("method", "route", "status"),
        )
        self.registry.register(self._commits)
        self.registry.register(self._requests)
        self._tally: dict[str, int] = {}
        self._open_requests = 0
        open_requests = Gauge("depot_sim_http_requests_open", "Requests being answered", registry=self.registry)
        open_requests.set_function(lambda: self._open_requests)

    def watch(self, name: str, meaning: str, label: str, read: Callable[[], Iterable[Labelled]]) -> None:
        """A gauge whose values are read when they are asked for."""
        self.registry.register(_Watched(name, meaning, label, read))

    def text(self) -> bytes:
        self._count_events()
        return generate_latest(self.registry)

    def appended(self, append: Append, seconds: float) -> None:
        self._commits.observe(seconds)
        tally = self._tally
        for write in append.writes:
            for topic, _ in write.events:
                tally[topic] = tally.get(topic, 0) + 1

    def _count_events(self) -> None:
        """Bring the counters up to what was appended: once a scrape, because a counter costs more than an event."""
        tally, self._tally = self._tally, {}
        for topic, count in tally.items():
            self._appended.labels(topic).inc(count)
            if topic == RunTicked.TOPIC:
                self._ticks.inc(count)

    def request_began(self) -> None:
        self._open_requests += 1

    def request_ended(self) -> None:
        self._open_requests -= 1

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.observe(seconds, method if method in _METHODS else _OTHER_METHOD, route, status)


class MeteredJournal:
    """A journal that counts what went through it."""

    def __init__(self, journal: Journal, metrics: Metrics) -> None:
        self._journal = journal
        self._metrics = metrics

    async def append(self, append: Append) -> Sequence[int]:
        began = time.perf_counter()
        positions = await self._journal.append(append)
        self._metrics.appended(append, time.perf_counter() - began)
        return positions

    async def close(self) -> None:
        await self._journal.close()


class Meter(Protocol):
    """Counts requests by method, path template and status, and those that are open."""

    def request_began(self) -> None: ...

    def request_ended(self) -> None: ...

    def answered(self, method: str, route: str, status: int, seconds: float) -> None: ...


class MeteredApp:
    """An ASGI application that counts its requests, by route template so that ids never become labels."""

    def __init__(self, app: Any, metrics: Meter) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        self._metrics.request_began()

        async def watching(message: Any) -> None:
            if message["type"] == "http.response.start":
                route = scope.get("path_template") or "none"
                self._metrics.answered(scope["method"], route, message["status"], time.perf_counter() - began)
            await send(message)

        try:
            await self._app(scope, receive, watching)
        finally:
            self._metrics.request_ended()


class _Watched(Collector):
    def __init__(self, name: str, meaning: str, label: str, read: Callable[[], Iterable[Labelled]]) -> None:
        self._name, self._meaning, self._label, self._read = name, meaning, label, read

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(self._name, self._meaning, labels=[self._label] if self._label else [])
        for value, number in self._read():
            family.add_metric([value] if self._label else [], number)
        yield family

    def describe(self) -> list[Metric]:
        """Nothing: the values need not exist when the gauge is registered."""
        return []


class _Tally:
    """`counts` has one more than there are bounds, for what is beyond the last."""

    __slots__ = ("counts", "seconds")

    def __init__(self, bounds: int) -> None:
        self.counts = [0] * (bounds + 1)
        self.seconds = 0.0


class Durations(Collector):
    """A histogram of seconds by labels; without any labels it is there from the beginning. For one thread.

    It only counts, and says so in Prometheus' words once a scrape: the library's own costs more than an event.
    """

    def __init__(self, name: str, meaning: str, bounds: Sequence[float], labels: Sequence[str] = ()) -> None:
        self._name, self._meaning, self._labels = name, meaning, labels
        self._bounds = tuple(bounds)
        self._tallies: dict[tuple[object, ...], _Tally] = {} if labels else {(): _Tally(len(bounds))}

    def observe(self, seconds: float, *labels: object) -> None:
        tally = self._tallies.get(labels)
        if tally is None:
            tally = self._tallies[labels] = _Tally(len(self._bounds))
        tally.counts[bisect_left(self._bounds, seconds)] += 1
        tally.seconds += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        family = HistogramMetricFamily(self._name, self._meaning, labels=self._labels)
        upto = [*map(floatToGoString, self._bounds), "+Inf"]
        for labels, tally in list(self._tallies.items()):  # requests go on while another thread collects
            counts = zip(upto, accumulate(tally.counts), strict=True)
            family.add_metric([str(label) for label in labels], list(counts), tally.seconds)
        yield family

    def describe(self) -> list[HistogramMetricFamily]:
        """Nothing: what the labels are is known when something has been observed."""
        return []
