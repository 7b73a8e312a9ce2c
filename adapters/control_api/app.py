"""The control API as one ASGI application."""

from __future__ import annotations

from itertools import chain
from typing import Any

from litestar import Litestar, Request, Router
from litestar.datastructures import State

from depot_sim.adapters.control_api.access import guard
from depot_sim.adapters.control_api.backend import Backend
from depot_sim.adapters.control_api.openapi import get_description
from depot_sim.adapters.control_api.problems import EXCEPTION_HANDLERS
from depot_sim.adapters.control_api.requests import ApiRequest
from depot_sim.adapters.control_api.routes.configurations import configuration_routes
from depot_sim.adapters.control_api.routes.events import all_events
from depot_sim.adapters.control_api.routes.interventions import get_one_intervention, intervention_routes
from depot_sim.adapters.control_api.routes.refused_requests import list_refused_requests
from depot_sim.adapters.control_api.routes.runs import run_routes
from depot_sim.adapters.control_api.routes.scenarios import library_routes, scenario_routes
from depot_sim.adapters.control_api.routes.service import SERVICE_ROUTES
from depot_sim.adapters.control_api.single_headers import check_single_headers
from depot_sim.adapters.control_api.written_secrets import refuse_secrets_in_head

LARGEST_BODY = 2**20


def create_app(backend: Backend) -> Litestar:
    """Every answer that is not what was asked for is a problem document (RFC 9457)."""
    of_families = [family.routes() for family in backend.families]
    return Litestar(
        route_handlers=[
            configuration_routes(backend.importers),
            *run_routes(),
            Router(
                "/",
                before_request=carry_run_to_present,
                route_handlers=[
                    *chain.from_iterable(routes.below_run for routes in of_families),
                    intervention_routes(),
                ],
            ),
            scenario_routes(),
            *chain.from_iterable(routes.beside_runs for routes in of_families),
            library_routes(backend.scripts.document_shape),
            Router("/", tags=["Interventions"], route_handlers=[get_one_intervention]),
            Router("/", tags=["Events"], route_handlers=[all_events]),
            Router("/", tags=["Service"], route_handlers=[*SERVICE_ROUTES, list_refused_requests, get_description]),
        ],
        state=State({"backend": backend}),
        request_class=ApiRequest,
        guards=[check_single_headers, guard, refuse_secrets_in_head],
        exception_handlers=EXCEPTION_HANDLERS,
        request_max_body_size=LARGEST_BODY,
        openapi_config=None,
        logging_config=None,
    )


_READS = ("GET", "HEAD", "OPTIONS")


async def carry_run_to_present(request: Request[Any, Any, Any]) -> None:
    """Have what is asked of a target of a live run decided at the present. Commands and scenarios do so themselves."""
    if request.method not in _READS:
        backend: Backend = request.app.state.backend
        await backend.runs.carry_to_present(request.path_params["run_id"])
