"""/simulation-runs: starting, listing and reading runs."""

from __future__ import annotations

import asyncio

import msgspec
from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from depot_sim.adapters.control_api.freshness import fresh
from depot_sim.adapters.control_api.paths import RUN_PATH, RUNS_PATH
from depot_sim.adapters.control_api.requests import ApiRequest, body_of, query_of
from depot_sim.adapters.control_api.routes.commands import command_routes
from depot_sim.adapters.control_api.routes.events import run_events
from depot_sim.adapters.control_api.routes.power import power_history_of
from depot_sim.adapters.control_api.routes.world import WORLD_ROUTES
from depot_sim.adapters.control_api.times import wall_time
from depot_sim.application.run.outcome import Outcome
from depot_sim.application.run.requests import StartRun, time_at
from depot_sim.application.run.run_view import RunView, view_run
from depot_sim.read_models.paging import NEWEST
from depot_sim.read_models.runs import MODEL as RUNS
from depot_sim.read_models.runs import Run, RunStatus, list_runs


class RunSummary(msgspec.Struct, frozen=True):
    """A run as the list tells it. `time` is its logical time, `started_at` and `updated_at` are wall time."""

    id: str
    status: RunStatus
    configuration_id: str
    configuration_version: int
    name: str
    seed: int
    time: str
    ticks: int
    breaches: int
    late_departures: int
    started_at: str
    updated_at: str


class RunList(msgspec.Struct, frozen=True):
    """The newest first. `next_before` asks for the following page with `before`; null at the end."""

    runs: list[RunSummary]
    next_before: int | None


class RunsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`before` is the `next_before` of the page before."""

    status: RunStatus | None = None
    before: int | None = None
    limit: int = 100


@post("/", summary="Start a run", dependencies={"asked": body_of(StartRun)}, opt={"names_others": True})
async def start_run(request: ApiRequest, asked: NamedDependency[SkipValidation[StartRun]]) -> Response[Outcome]:
    """On a version of a configuration, by default its newest, from then on pinned to it."""
    outcome = await request.backend.runs.start(asked, request.origin)
    return Response(outcome, status_code=201, headers={"Location": f"/simulation-runs/{outcome.run_id}"})


@get("/", name="list_runs", summary="List runs", dependencies={"asked": query_of(RunsQuery)})
async def list_all_runs(request: ApiRequest, asked: NamedDependency[SkipValidation[RunsQuery]]) -> RunList:
    """The newest first."""
    backend = request.backend

    def read() -> RunList:
        fresh(backend, RUNS)
        before = NEWEST if asked.before is None else asked.before
        page = list_runs(backend.database(RUNS), status=asked.status, before=before, limit=asked.limit)
        return RunList([_summary(run) for run in page.runs], page.next_before)

    return await asyncio.to_thread(read)


@get("/{run_id:str}", summary="Read a run")
async def get_run(request: ApiRequest, run_id: FromPath[str]) -> RunView:
    """What it is and how far it has come, up to date with every commit before the request."""
    backend = request.backend
    return view_run(await backend.live.get(run_id), backend.runs.advances.target(run_id))


def run_routes() -> list[Router]:
    """Runs and what is below a run. Routers in routers would be copied once a level, which slows the start down."""
    return [
        Router(RUNS_PATH, tags=["Runs"], route_handlers=[start_run, list_all_runs, get_run]),
        Router(f"{RUN_PATH}/commands", tags=["Commands"], route_handlers=command_routes()),
        Router(RUN_PATH, tags=["World"], route_handlers=[*WORLD_ROUTES, power_history_of]),
        Router(RUN_PATH, tags=["Events"], route_handlers=[run_events]),
    ]


def _summary(run: Run) -> RunSummary:
    return RunSummary(
        id=run.run_id,
        status=run.status,
        configuration_id=run.configuration_id,
        configuration_version=run.configuration_version,
        name=run.name,
        seed=run.seed,
        time=time_at(run.start_time, run.at),
        ticks=run.ticks,
        breaches=run.breaches,
        late_departures=run.late_departures,
        started_at=wall_time(run.started_at),
        updated_at=wall_time(run.updated_at),
    )
