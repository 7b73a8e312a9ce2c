"""…/oscp-sessions/{session_id}/expectations: messages that have to come, or must not, and the verdict on it."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, SkipValidation

from adapters.control_api.requests import ApiRequest, query_of, raw_body_of
from application.scenario.control import ExpectationView
from domain.scenario.expectation_requests import ExpectationRequest


class ExpectationList(msgspec.Struct, frozen=True):
    """Those waiting, then those settled last."""

    expectations: list[ExpectationView]


class WaitQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`wait` is for how many seconds to wait for a verdict, at most 60."""

    wait: int = 0


@post(
    "/",
    name="raise_oscp_expectation",
    summary="Expect messages",
    dependencies={"asked": raw_body_of(ExpectationRequest)},
)
async def raise_expectation(
    request: ApiRequest, run_id: FromPath[str], session_id: FromPath[str], asked: NamedDependency[SkipValidation[Any]]
) -> Response[ExpectationView]:
    """From now on; what came before does not count."""
    view = await request.backend.scenarios.raise_expectation(run_id, session_id, asked, request.origin)
    location = f"/simulation-runs/{run_id}/oscp-sessions/{session_id}/expectations/{view.expectation_id}"
    return Response(view, status_code=201, headers={"Location": location})


@get("/", name="list_oscp_expectations", summary="List expectations")
async def list_expectations(request: ApiRequest, run_id: FromPath[str], session_id: FromPath[str]) -> ExpectationList:
    """Of those settled long ago only the log knows."""
    return ExpectationList(await request.backend.scenarios.expectations(run_id, session_id))


@get(
    "/{expectation_id:str}",
    name="get_oscp_expectation",
    summary="Read an expectation, or wait for its verdict",
    dependencies={"asked": query_of(WaitQuery)},
)
async def get_expectation(
    request: ApiRequest,
    run_id: FromPath[str],
    session_id: FromPath[str],
    expectation_id: FromPath[str],
    asked: NamedDependency[SkipValidation[WaitQuery]],
) -> ExpectationView:
    """With `wait` it is answered the moment the verdict is known, or when the wait is over."""
    return await request.backend.scenarios.expectation(run_id, session_id, expectation_id, asked.wait)


@delete("/{expectation_id:str}", name="retire_oscp_expectation", summary="Call an expectation off", status_code=200)
async def retire_expectation(
    request: ApiRequest, run_id: FromPath[str], session_id: FromPath[str], expectation_id: FromPath[str]
) -> ExpectationView:
    """Before it has a verdict."""
    return await request.backend.scenarios.retire_expectation(run_id, session_id, expectation_id, request.origin)


EXPECTATION_ROUTES: list[HTTPRouteHandler] = [raise_expectation, list_expectations, get_expectation, retire_expectation]
