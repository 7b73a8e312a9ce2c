"""Scenarios: the library, and what is played on a run."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from depot_sim.adapters.control_api.paths import RUN_PATH
from depot_sim.adapters.control_api.requests import ApiRequest, body_of, raw_body_of
from depot_sim.application.scenario.execution_views import ExecutionList, ExecutionView, ScenarioSummary, ScenarioView
from depot_sim.application.scenario.service import StartScenario
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.scenario.script import ScriptDocument


class ScenarioList(msgspec.Struct, frozen=True):
    """Those that come along."""

    scenarios: list[ScenarioSummary]


class ScenarioVerdict(msgspec.Struct, frozen=True):
    """Whether a scenario is sound, what it is, and every fault if it is not."""

    valid: bool
    scenario: ScenarioSummary | None = None
    faults: tuple[Fault, ...] = ()


class StopScenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`reason` is kept with the execution."""

    reason: str = "called off"


@get("/", name="list_scenario_library", summary="List the scenarios that come along")
async def list_library(request: ApiRequest) -> ScenarioList:
    """By name; those in the presets of a configuration can be started by their ids, too."""
    return ScenarioList(await asyncio.to_thread(request.backend.scripts.library))


@get("/{name:str}", name="get_scenario", summary="Read a scenario of the library")
async def get_scenario(request: ApiRequest, name: FromPath[str]) -> ScenarioView:
    """As plain values and as YAML."""
    return await asyncio.to_thread(request.backend.scripts.scenario, name)


async def check_scenario(request: ApiRequest, asked: NamedDependency[SkipValidation[Any]]) -> ScenarioVerdict:
    """JSON or YAML; saves nothing. Whether a depot has what it needs shows when it is started."""
    try:
        return ScenarioVerdict(valid=True, scenario=request.backend.scripts.check(asked))
    except InvalidInput as error:
        text = (await request.parsed()).text
        return ScenarioVerdict(valid=False, faults=tuple(request.backend.documents.located(error.faults, text)))


@post(
    "/",
    name="start_scenario",
    summary="Start a scenario on a run",
    dependencies={"asked": body_of(StartScenario)},
    opt={"headers": ["Idempotency-Key"]},
)
async def start_scenario(
    request: ApiRequest, run_id: FromPath[str], asked: NamedDependency[SkipValidation[StartScenario]]
) -> Response[ExecutionView]:
    """What is due at once is done when this answers."""
    if asked.begin is None:
        await request.backend.runs.carry_to_present(run_id)
    try:
        view = await request.backend.scripts.start(run_id, asked, request.origin, request.key)
    except InvalidInput as error:
        if "yaml" not in request.media_type:  # lines are for people, who write YAML
            raise
        text = (await request.parsed()).text
        raise InvalidInput(request.backend.documents.located(error.faults, text), error.detail) from None
    location = f"/simulation-runs/{run_id}/scenarios/{view.execution_id}"
    return Response(view, status_code=201, headers={"Location": location})


@get("/", name="list_scenarios", summary="List what was played on a run")
async def list_executions(request: ApiRequest, run_id: FromPath[str]) -> ExecutionList:
    """The oldest first."""
    return await request.backend.scripts.executions(run_id)


@get("/{execution_id:str}", name="get_scenario_execution", summary="Read how far a scenario is, step by step")
async def get_execution(request: ApiRequest, run_id: FromPath[str], execution_id: FromPath[str]) -> ExecutionView:
    """With its verdict once all steps are done and all expectations are settled."""
    return await request.backend.scripts.execution(run_id, execution_id)


@post(
    "/{execution_id:str}/stop",
    name="stop_scenario",
    summary="Call a scenario off",
    status_code=200,
    dependencies={"asked": body_of(StopScenario)},
)
async def stop_execution(
    request: ApiRequest,
    run_id: FromPath[str],
    execution_id: FromPath[str],
    asked: NamedDependency[SkipValidation[StopScenario]],
) -> ExecutionView:
    """None of its further steps happen; what it did stays as it is, overrides included."""
    return await request.backend.scripts.stop(run_id, execution_id, asked.reason, request.origin)


def scenario_routes() -> Router:
    """Below the path of a run."""
    return Router(
        f"{RUN_PATH}/scenarios",
        tags=["Scenarios"],
        route_handlers=[start_scenario, list_executions, get_execution, stop_execution],
    )


def library_routes(document: type[ScriptDocument]) -> Router:
    """Beside the runs. `document` is the shape of a scenario file."""
    checking = post(
        "/check",
        name="check_scenario",
        summary="Say what is wrong with a scenario",
        status_code=200,
        dependencies={"asked": raw_body_of(document)},
    )
    handlers = [list_library, get_scenario, checking(check_scenario)]
    return Router("/scenario-library", tags=["Scenarios"], route_handlers=handlers)
