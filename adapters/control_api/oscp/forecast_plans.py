"""…/oscp-sessions/{session_id}/forecast-plans: forecasts to be sent later, once or again and again."""

from __future__ import annotations

import msgspec
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, SkipValidation

from depot_sim.adapters.control_api.requests import ApiRequest, body_of
from depot_sim.application.oscp.requests import PlanForecast
from depot_sim.application.oscp.service import OscpService
from depot_sim.application.oscp.views import PlanView


class PlanList(msgspec.Struct, frozen=True):
    """What is still to be sent."""

    forecast_plans: tuple[PlanView, ...]


@post("/", name="plan_oscp_forecast", summary="Plan a forecast", dependencies={"asked": body_of(PlanForecast)})
async def plan_forecast(
    request: ApiRequest,
    run_id: FromPath[str],
    session_id: FromPath[str],
    asked: NamedDependency[SkipValidation[PlanForecast]],
) -> Response[PlanView]:
    """It is sent when it is due and the session is online."""
    plan = await request.backend.service(OscpService).plan_forecast(run_id, session_id, asked, request.origin)
    location = f"/simulation-runs/{run_id}/oscp-sessions/{session_id}/forecast-plans/{plan.plan_id}"
    return Response(plan, status_code=201, headers={"Location": location})


@get("/", name="list_oscp_forecast_plans", summary="List forecast plans")
async def list_plans(request: ApiRequest, run_id: FromPath[str], session_id: FromPath[str]) -> PlanList:
    """Those that are not over yet."""
    return PlanList((await request.backend.service(OscpService).get(run_id, session_id)).plans)


@delete("/{plan_id:str}", name="end_oscp_forecast_plan", summary="Call a forecast plan off", status_code=204)
async def end_plan(
    request: ApiRequest, run_id: FromPath[str], session_id: FromPath[str], plan_id: FromPath[str]
) -> None:
    """What was sent already stays sent."""
    await request.backend.service(OscpService).end_plan(run_id, session_id, plan_id, request.origin)


FORECAST_PLAN_ROUTES: list[HTTPRouteHandler] = [plan_forecast, list_plans, end_plan]
