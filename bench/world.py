"""The world by itself and onto a durable log, one JSON line per figure: `python -m bench.world`.

The job is the common one (N buses, 24 h, one-minute ticks, depot limit, a meter on the site and on every feeder of 20
chargers); every event is encoded and hashed. A vehicle-step is one vehicle for one tick. Speeds are per CPU second of
the process that simulates, peak memory is that process's own; each figure comes from a process of its own.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from depot_sim.adapters.configuration_import.common_job import START, common_job
from depot_sim.adapters.event_store import open_event_store
from depot_sim.application.event_log import Append
from depot_sim.application.run.archive import StoredRun
from depot_sim.application.run.batch import charged_mj, run_until, write_nothing
from depot_sim.application.run.writer import RunWriter
from depot_sim.domain.kernel.quantities import MS_PER_DAY
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.digest import RunDigest
from depot_sim.domain.run.events import SimulationRunStarted
from tests.processes import checkout_variables, module_command

ROUNDS = 5
TICK_MS = 60_000
JOULES_PER_KWH_MJ = 3_600_000_000


def main() -> None:
    hundred = [_measured(100, "memory") for _ in range(ROUNDS)]
    thousand = [_measured(1_000, "memory") for _ in range(ROUNDS)]
    durable = [_measured(1_000, "sqlite") for _ in range(ROUNDS)]
    alone, crowded = _median(hundred, "steps_per_cpu_s"), _median(thousand, "steps_per_cpu_s")
    _print("world_steps_memory", crowded, "vehicle-steps/CPU s", 1_000_000)
    _print("world_steps_sqlite_durable", _median(durable, "steps_per_cpu_s"), "vehicle-steps/CPU s", 500_000)
    _print("world_speed_1000_to_100_buses", crowded / alone, "ratio", 0.9)
    _print("world_peak_memory", max(_median(run, "peak_mb") for run in (thousand, durable)), "MB", 200, at_most=True)
    _print("world_energy_1000_buses", _median(thousand, "energy_kwh"), "kWh", 273_483.4)


def _measured(buses: int, store: str) -> dict[str, float]:
    """One simulated day in a fresh process."""
    command = module_command("bench.world", str(buses), store)
    ended = subprocess.run(command, env=checkout_variables(), check=True, capture_output=True)
    return dict(json.loads(ended.stdout))


def _median(runs: Sequence[dict[str, float]], figure: str) -> float:
    return statistics.median(run[figure] for run in runs)


def _print(name: str, value: float, unit: str, target: float, *, at_most: bool = False) -> None:
    bound = "at_most" if at_most else "at_least"
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, bound: target}))


def _one_day(buses: int, store: str) -> None:
    writer = RunWriter(StoredRun(_started(buses), RunDigest()), token=1)
    if store == "memory":
        began = time.process_time()
        run_until(writer, MS_PER_DAY, write_nothing)
        seconds = time.process_time() - began
    else:
        seconds = _onto_sqlite(writer)
    print(
        json.dumps(
            {
                "steps_per_cpu_s": buses * writer.run.world.tick / seconds,
                "energy_kwh": round(charged_mj(writer.run) / JOULES_PER_KWH_MJ, 1),
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
            }
        )
    )


def _onto_sqlite(writer: RunWriter) -> float:
    with tempfile.TemporaryDirectory() as folder, open_event_store(f"sqlite:///{Path(folder) / 'run.db'}") as opened:
        token = opened.leases.acquire(writer.run.run_id, "bench", 3_600)
        assert token is not None, "the store is new"
        writer.token = token

        def write(append: Append) -> Sequence[int]:
            return opened.log.append(append)

        began = time.process_time()
        run_until(writer, MS_PER_DAY, write)
        return time.process_time() - began


def _started(buses: int) -> SimulationRun:
    definition = common_job(buses, 1)
    run = SimulationRun("bench")
    document = msgspec.Raw(definition.document_json)
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
    return run


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _one_day(int(sys.argv[1]), sys.argv[2])
    else:
        main()
