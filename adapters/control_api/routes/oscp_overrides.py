"""…/oscp-sessions/{session_id}/overrides: failures on purpose, by name or made to measure."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import get, patch
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, SkipValidation

from adapters.control_api.requests import ApiRequest, raw_body_of
from application.scenario.control import OverridesChanged, OverrideView
from domain.scenario.family import Mode
from domain.scenario.oscp_modes import OSCP
from domain.scenario.override_requests import OverrideRequest


class OverrideList(msgspec.Struct, frozen=True):
    """The active ones, the oldest first."""

    overrides: list[OverrideView]


class OverrideModeList(msgspec.Struct, frozen=True):
    """Named failures, each with a sentence and with what it stands for."""

    override_modes: list[Mode]


@patch(
    "/overrides",
    name="change_oscp_overrides",
    summary="Apply or clear an override",
    dependencies={"asked": raw_body_of(OverrideRequest)},
)
async def change_overrides(
    request: ApiRequest, run_id: FromPath[str], session_id: FromPath[str], asked: NamedDependency[SkipValidation[Any]]
) -> OverridesChanged:
    """What it does to messages is marked in the ledger, so that it is never mistaken for an accident."""
    return await request.backend.scenarios.change_overrides(run_id, session_id, asked, request.origin)


@get("/overrides", name="list_oscp_overrides", summary="List active overrides")
async def list_overrides(request: ApiRequest, run_id: FromPath[str], session_id: FromPath[str]) -> OverrideList:
    """With how many messages each has seen and treated."""
    return OverrideList(await request.backend.scenarios.overrides(run_id, session_id))


@get("/oscp-override-modes", name="list_oscp_override_modes", summary="List the named override modes")
async def list_override_modes(request: ApiRequest) -> OverrideModeList:  # noqa: ARG001 - the guard's
    """What `mode` may name."""
    return OverrideModeList(list(OSCP.modes.values()))


OVERRIDE_ROUTES: list[HTTPRouteHandler] = [change_overrides, list_overrides]
