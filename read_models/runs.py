"""Read model `runs`: one row per run, what it is and how far it has come."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from depot_sim.read_models.database import Database
from depot_sim.read_models.paging import NEWEST, check_limit
from depot_sim.read_models.schema import ReadModel, Table, Type


class RunStatus(StrEnum):
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"


RUNS = Table(
    "runs",
    {
        "run_id": Type.TEXT,
        "position": Type.INTEGER,
        "configuration_id": Type.TEXT,
        "configuration_version": Type.INTEGER,
        "name": Type.TEXT,
        "seed": Type.INTEGER,
        "status": Type.TEXT,
        "start_time": Type.TEXT,
        "tick_ms": Type.INTEGER,
        "clock_mode": Type.TEXT,
        "speed_ppm": Type.INTEGER,
        "disturbances": Type.TEXT,
        "at": Type.INTEGER,
        "ticks": Type.INTEGER,
        "version": Type.INTEGER,
        "breaches": Type.INTEGER,
        "late_departures": Type.INTEGER,
        "started_at": Type.INTEGER,
        "updated_at": Type.INTEGER,
        "state_sha256": Type.TEXT,
    },
    key=("run_id",),
    indices=(("position",), ("status", "position")),
)

MODEL = ReadModel("runs", 1, (RUNS,))

_SELECT = f"SELECT {', '.join(RUNS.columns)} FROM runs"


class Run(msgspec.Struct):
    """`at` is logical time in ms since the start, `started_at` and `updated_at` are wall time in µs since 1970.

    `version` is that of the run's stream and so the count of its events; `position` is where it started in the log.
    `state_sha256` is empty until the run is stopped.
    """

    run_id: str
    position: int
    configuration_id: str
    configuration_version: int
    name: str
    seed: int
    status: RunStatus
    start_time: str
    tick_ms: int
    clock_mode: str
    speed_ppm: int
    disturbances: str
    at: int
    ticks: int
    version: int
    breaches: int
    late_departures: int
    started_at: int
    updated_at: int
    state_sha256: str


class RunPage(msgspec.Struct):
    """`next_before` asks for the following page; None at the end."""

    runs: list[Run]
    next_before: int | None


def get_run(database: Database, run_id: str) -> Run | None:
    rows = database.query(f"{_SELECT} WHERE run_id = ?", (run_id,))
    return _run(*rows[0]) if rows else None


def list_runs(
    database: Database, *, status: RunStatus | None = None, before: int = NEWEST, limit: int = 100
) -> RunPage:
    """The newest first, those that started before a position. Raises QueryRefused for a bad limit."""
    check_limit(limit)
    condition, parameters = ("", [before]) if status is None else (" AND status = ?", [before, status.value])
    sql = f"{_SELECT} WHERE position < ?{condition} ORDER BY position DESC LIMIT ?"
    runs = [_run(*row) for row in database.query(sql, [*parameters, limit + 1])]
    page = runs[:limit]
    return RunPage(page, page[-1].position if len(runs) > limit else None)


def _run(*columns: Any) -> Run:
    run = Run(*columns)
    run.status = RunStatus(run.status)
    return run
