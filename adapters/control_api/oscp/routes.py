"""Everything about OSCP, gathered: what belongs to a session of a run, and what stands on its own."""

from __future__ import annotations

from litestar import Router

from depot_sim.adapters.control_api.backend import FamilyRoutes
from depot_sim.adapters.control_api.oscp.commands import oscp_command_routes
from depot_sim.adapters.control_api.oscp.forecast_plans import FORECAST_PLAN_ROUTES
from depot_sim.adapters.control_api.oscp.messages import MESSAGE_ROUTES, UNRESOLVED_ROUTES
from depot_sim.adapters.control_api.oscp.sessions import SESSION_ROUTES, list_all_sessions, list_partner_profiles
from depot_sim.adapters.control_api.oscp.targets import OSCP_SESSIONS
from depot_sim.adapters.control_api.paths import RUN_PATH
from depot_sim.adapters.control_api.routes.scenario_control import override_mode_route, target_routes


def oscp_routes() -> FamilyRoutes:
    """Everything about OSCP."""
    sessions = f"{RUN_PATH}/oscp-sessions"
    session = f"{sessions}/{{session_id:str}}"
    handlers = {
        sessions: SESSION_ROUTES,
        f"{session}/commands": oscp_command_routes(),
        f"{session}/forecast-plans": FORECAST_PLAN_ROUTES,
        f"{session}/messages": MESSAGE_ROUTES,
    }
    below_run = [Router(path, tags=["OSCP"], route_handlers=of_path) for path, of_path in handlers.items()]
    beside = [list_all_sessions, *UNRESOLVED_ROUTES, override_mode_route(OSCP_SESSIONS), list_partner_profiles]
    below_run += target_routes(OSCP_SESSIONS, session, "OSCP")
    return FamilyRoutes(below_run, [Router("/", tags=["OSCP"], route_handlers=beside)])
