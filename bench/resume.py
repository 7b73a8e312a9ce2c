"""Loading a run with a million events: from the newest snapshot, and by folding them all: `python -m bench.resume`."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import msgspec

from depot_sim.adapters.configuration_import.common_job import START, common_job
from depot_sim.adapters.event_store import EventStore, open_event_store
from depot_sim.application.run.archive import RunArchive, StoredRun
from depot_sim.application.run.batch import run_until
from depot_sim.application.run.replay import replay
from depot_sim.application.run.writer import RunWriter
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.digest import RunDigest
from depot_sim.domain.run.events import SimulationRunStarted

EVENTS = 1_000_000
BUSES = 20
TICK_MS = 1_000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, open_event_store(f"sqlite:///{Path(folder) / 'run.db'}") as store:
        events = _record(store)
        began = time.perf_counter()
        loaded = RunArchive(store.log).load("bench")
        seconds = time.perf_counter() - began
        began = time.perf_counter()
        replayed = replay(store.log, "bench")
        fold = time.perf_counter() - began
        if not replayed.reached or loaded.run.version != events:
            raise SystemExit("The snapshot and the events do not lead to the same run.")
        _print("resume_from_snapshot", round(seconds, 3), "s", at_most=1, events=events)
        _print("replay_from_first_event", round(events / fold), "events/s")


def _record(store: EventStore) -> int:
    """A run of a million events, with its snapshots."""
    run = SimulationRun("bench")
    document = msgspec.Raw(common_job(BUSES, 14).document_json)
    run.start(
        SimulationRunStarted(
            at=0,
            run_id="bench",
            configuration_id="common-job",
            configuration_version=1,
            document=document,
            seed=7,
            start_time=START,
            tick_ms=TICK_MS,
        )
    )
    token = store.leases.acquire("bench", "bench", 3_600)
    assert token is not None, "the store is new"
    writer = RunWriter(StoredRun(run, RunDigest()), token)
    archive = RunArchive(store.log)
    ticks = EVENTS - EVENTS // 1_000
    run_until(writer, ticks * TICK_MS, store.log.append, keep_snapshot=lambda held: archive.keep_snapshot(held.stored))
    return run.version


def _print(name: str, value: float, unit: str, **more: int) -> None:
    print(json.dumps({"name": name, "value": value, "unit": unit, **more}))


if __name__ == "__main__":
    main()
