"""/simulation-runs/{run_id}/oscp-sessions/{session_id}/commands: one operation per thing a session can be told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, SkipValidation

from depot_sim.adapters.control_api.requests import ApiRequest, body_of
from depot_sim.application.oscp.requests import (
    Disconnect,
    ForceState,
    HandshakeSent,
    MessageSent,
    Register,
    SendForecast,
    SendForecastSet,
    SendHandshake,
    SendHeartbeat,
    SendMessage,
    SwitchHeartbeats,
)
from depot_sim.application.oscp.service import OscpService
from depot_sim.application.oscp.views import SessionView
from depot_sim.application.repository import Origin

Act = Callable[[OscpService, str, str, Any, Origin], Awaitable[Any]]


def oscp_command_routes() -> list[HTTPRouteHandler]:
    """What sends a message answers when its fate is known."""
    return [
        _route("send-handshake", "Send a handshake", SendHandshake, HandshakeSent, OscpService.send_handshake),
        _route("register", "Register at the partner", Register, MessageSent, OscpService.register),
        _route("send-heartbeat", "Send a heartbeat", SendHeartbeat, MessageSent, OscpService.send_heartbeat),
        _route("send-forecast", "Send a forecast", SendForecast, MessageSent, OscpService.send_forecast),
        _route(
            "send-forecast-set",
            "Send several forecasts",
            SendForecastSet,
            list[MessageSent],
            OscpService.send_forecast_set,
        ),
        _route("send-message", "Send a hand-made message", SendMessage, MessageSent, OscpService.send_message),
        _route("force-state", "Force the lifecycle state", ForceState, SessionView, OscpService.force_state),
        _route("disconnect", "Go offline on purpose", Disconnect, SessionView, OscpService.disconnect),
        _route(
            "switch-heartbeats",
            "Send heartbeats or hold them back",
            SwitchHeartbeats,
            SessionView,
            OscpService.switch_heartbeats,
        ),
    ]


def _route(name: str, summary: str, shape: type[msgspec.Struct], answer: Any, act: Act) -> HTTPRouteHandler:
    async def carry_out(
        request: ApiRequest,
        run_id: FromPath[str],
        session_id: FromPath[str],
        asked: NamedDependency[SkipValidation[msgspec.Struct]],
    ) -> Any:
        return await act(request.backend.service(OscpService), run_id, session_id, asked, request.origin)

    carry_out.__annotations__["return"] = answer
    return post(
        f"/{name}",
        name=f"oscp_{name.replace('-', '_')}",
        summary=summary,
        description=shape.__doc__,
        status_code=200,
        dependencies={"asked": body_of(shape)},
    )(carry_out)
