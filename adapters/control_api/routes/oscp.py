"""Everything about OSCP, gathered: what belongs to a session of a run, and what stands on its own."""

from __future__ import annotations

from litestar import Router

from depot_sim.adapters.control_api.routes.oscp_commands import oscp_command_routes
from depot_sim.adapters.control_api.routes.oscp_forecast_plans import FORECAST_PLAN_ROUTES
from depot_sim.adapters.control_api.routes.oscp_messages import MESSAGE_ROUTES, UNRESOLVED_ROUTES
from depot_sim.adapters.control_api.routes.oscp_sessions import SESSION_ROUTES, list_all_sessions, list_partner_profiles
from depot_sim.adapters.control_api.routes.oscp_targets import OSCP_SESSIONS
from depot_sim.adapters.control_api.routes.scenario_control import (
    expectation_routes,
    override_mode_route,
    override_routes,
)


def oscp_session_routes(run: str) -> list[Router]:
    """Below the path of a run."""
    sessions = f"{run}/oscp-sessions"
    session = f"{sessions}/{{session_id:str}}"
    handlers = {
        sessions: SESSION_ROUTES,
        f"{session}/commands": oscp_command_routes(),
        f"{session}/forecast-plans": FORECAST_PLAN_ROUTES,
        f"{session}/messages": MESSAGE_ROUTES,
        session: override_routes(OSCP_SESSIONS),
        f"{session}/expectations": expectation_routes(OSCP_SESSIONS),
    }
    return [Router(path, tags=["OSCP"], route_handlers=of_path) for path, of_path in handlers.items()]


def oscp_routes() -> Router:
    """Beside the runs."""
    beside = [list_all_sessions, *UNRESOLVED_ROUTES, override_mode_route(OSCP_SESSIONS), list_partner_profiles]
    return Router("/", tags=["OSCP"], route_handlers=beside)
