"""Everything about OSCP, gathered: what belongs to a session of a run, and what stands on its own."""

from __future__ import annotations

from litestar import Router

from adapters.control_api.routes.oscp_commands import oscp_command_routes
from adapters.control_api.routes.oscp_forecast_plans import FORECAST_PLAN_ROUTES
from adapters.control_api.routes.oscp_messages import MESSAGE_ROUTES, UNRESOLVED_ROUTES
from adapters.control_api.routes.oscp_sessions import SESSION_ROUTES, list_all_sessions, list_partner_profiles
from adapters.control_api.routes.oscp_targets import OSCP_SESSIONS
from adapters.control_api.routes.scenario_control import expectation_routes, override_mode_route, override_routes

_SESSION = "/{session_id:str}"


def oscp_session_routes() -> Router:
    """Below a run."""
    return Router(
        "/oscp-sessions",
        tags=["OSCP"],
        route_handlers=[
            *SESSION_ROUTES,
            Router(f"{_SESSION}/commands", route_handlers=oscp_command_routes()),
            Router(f"{_SESSION}/forecast-plans", route_handlers=FORECAST_PLAN_ROUTES),
            Router(f"{_SESSION}/messages", route_handlers=MESSAGE_ROUTES),
            Router(_SESSION, route_handlers=override_routes(OSCP_SESSIONS)),
            Router(f"{_SESSION}/expectations", route_handlers=expectation_routes(OSCP_SESSIONS)),
        ],
    )


def oscp_routes() -> Router:
    """Beside the runs."""
    beside = [list_all_sessions, *UNRESOLVED_ROUTES, override_mode_route(OSCP_SESSIONS), list_partner_profiles]
    return Router("/", tags=["OSCP"], route_handlers=beside)
