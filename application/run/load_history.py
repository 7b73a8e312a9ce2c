"""The load of a run's grid connection over time, gathered from its events."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import NamedTuple

from depot_sim.application.event_log import EventLog
from depot_sim.domain.kernel.events import Event, decode
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.events import NodeLimitChanged, RunTicked
from depot_sim.domain.run.world.depot import Depot

_UNLIMITED = -1
_TOPICS = (RunTicked.TOPIC, NodeLimitChanged.TOPIC)


class LoadPoint(NamedTuple):
    """From the point before to this one (ms since the run's start) the load was this; limit None is unlimited."""

    at: int
    load_w: int
    limit_w: int | None


class LoadHistory:
    """Feed it every event of the run, in order; commanded limits count, fail-safe and outages do not."""

    def __init__(self, depot: Depot) -> None:
        root = depot.nodes[depot.root].node
        self._index = depot.root
        self._id = root.id
        self._configured_w = _UNLIMITED if root.limit is None else int(root.limit)
        self._load_w = 0
        self._limit_w = self._configured_w
        self._columns = (array("q"), array("q"), array("q"))

    def add(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, RunTicked):
                self._tick(event)
            elif isinstance(event, NodeLimitChanged) and event.node == self._id:
                self._limit_w = self._configured_w if event.limit_w is None else event.limit_w

    def points(self) -> list[LoadPoint]:
        """One per tick."""
        columns = zip(*self._columns, strict=True)
        return [LoadPoint(at, load_w, None if limit_w == _UNLIMITED else limit_w) for at, load_w, limit_w in columns]

    def _tick(self, event: RunTicked) -> None:
        nodes = event.nodes
        if nodes is not None and self._index in nodes.index:
            self._load_w = nodes.load_w[nodes.index.index(self._index)]
        for column, value in zip(self._columns, (event.at, self._load_w, self._limit_w), strict=True):
            column.append(value)


def stored_history(log: EventLog, run: SimulationRun) -> LoadHistory:
    """What is in the log up to the run's version."""
    history, page, after = LoadHistory(run.depot), 1_000, 0
    while rows := log.read_stream(run.stream, after=after, upto=run.version, limit=page):
        history.add(decode(row.topic, row.state) for row in rows if row.topic in _TOPICS)
        after = rows[-1].version
    return history
