"""Rebuild of every read model: events/s and rows/s, on SQLite and PostgreSQL, on logs of growing length.

The log is a recorded day of a depot, again and again as other runs; `mix` says what it is made of. For the whole
range name 5000000 as well: that takes a few minutes and some 2 GB of disk for a while.

`python -m bench.read_models [EVENTS ...] [--store sqlite|postgresql] [--buses N] [--tick MS]`
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from bench._day import recorded_day
from bench._stores import store_url
from depot_sim.adapters.event_store import open_event_store
from depot_sim.adapters.read_store import open_read_store
from depot_sim.application.event_log import Append, EventLog, StreamWrite
from depot_sim.domain.kernel.events import EncodedEvent
from depot_sim.domain.run.events import RunTicked, SimulationRunStarted
from depot_sim.projections.projector import Projector
from depot_sim.projections.rebuild import rebuild
from depot_sim.read_models.store import ModelStore
from tests.projections.every_model import MODELS, PROJECTORS


def main() -> None:
    options = _options()
    day = recorded_day("day", options.buses, options.tick)
    mix = _mix(day)
    for events in options.events:
        for store in options.store:
            with store_url(store) as url:
                for figure in _measure(url, day, events):
                    print(json.dumps({"bench": "read_models", "store": store, **figure, "mix": mix}), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events", nargs="*", type=int, default=[100_000, 1_000_000])
    parser.add_argument("--store", action="append", choices=["sqlite", "postgresql"])
    parser.add_argument("--buses", type=int, default=100)
    parser.add_argument("--tick", type=int, default=10_000, metavar="MS")
    options = parser.parse_args()
    options.store = options.store or ["sqlite", "postgresql"]
    return options


def _mix(day: Sequence[EncodedEvent]) -> dict[str, float]:
    """Shares of the topics, and the mean size of an event."""
    topics = Counter(event.topic for event in day)
    ticked = topics[RunTicked.TOPIC] / len(day)
    size = sum(len(event.state) for event in day) / len(day)
    return {"ticked": round(ticked, 3), "discrete": round(1 - ticked, 3), "bytes_per_event": round(size, 1)}


def _measure(url: str, day: Sequence[EncodedEvent], events: int) -> Iterator[dict[str, Any]]:
    with open_event_store(url) as store:
        _fill(store.log, day, events)
        with closing(open_read_store(url, MODELS)) as read_store:
            for projector in PROJECTORS:
                yield _rebuild(store.log, projector, read_store[projector.model])


def _fill(log: EventLog, day: Sequence[EncodedEvent], events: int) -> None:
    """The same day again and again, each time as another run, until there are enough events."""
    for number in range(-(-events // len(day))):
        run_id = f"run{number}"
        first = EncodedEvent(
            SimulationRunStarted.TOPIC, day[0].state.replace(b'"run_id":"day"', b'"run_id":"%s"' % run_id.encode())
        )
        stream = [first, *day[1:]][: events - number * len(day)]
        log.append(Append([StreamWrite(f"run-{run_id}", 0, stream)]))


def _rebuild(log: EventLog, projector: Projector, store: ModelStore) -> dict[str, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    rebuilt = rebuild(projector, log, store)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    rows = sum(_count(store, table.name) for table in projector.model.tables)
    return {
        "read_model": projector.model.name,
        "events": rebuilt.position,
        "rows": rows,
        "seconds": round(wall, 2),
        "events_per_second": round(rebuilt.position / wall),
        "rows_per_second": round(rows / wall),
        "cpu_seconds": round(cpu, 2),
    }


def _count(store: ModelStore, table: str) -> int:
    ((count,),) = store.database().query(f"SELECT count(*) FROM {table}")
    return int(count)


if __name__ == "__main__":
    main()
