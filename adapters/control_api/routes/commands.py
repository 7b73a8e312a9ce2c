"""/simulation-runs/{run_id}/commands: one operation per command, on the run's clock or on its world."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, SkipValidation

from depot_sim.adapters.control_api.requests import ApiRequest, body_of
from depot_sim.application.run.service import Outcome, RunService
from depot_sim.domain.run.commands import COMMANDS


class Pause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Stop the run's clock; commands on the world are still carried out."""


class Resume(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let a paused run go on."""


class Stop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """End the run for good."""


class Tick(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Advance a run with a manual clock by whole ticks."""

    count: int = 1


class AdvanceTo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Advance a run with a manual clock to an RFC 3339 time, or to "+90 min" since its start."""

    to: str


Act = Callable[[RunService, str, Any, ApiRequest], Awaitable[Outcome]]


def command_routes() -> list[HTTPRouteHandler]:
    return [
        _route("pause", Pause, lambda runs, id, _, request: runs.pause(id, request.origin, request.key)),
        _route("resume", Resume, lambda runs, id, _, request: runs.resume(id, request.origin, request.key)),
        _route("stop", Stop, lambda runs, id, _, request: runs.stop(id, request.origin, request.key)),
        _route("tick", Tick, lambda runs, id, body, request: runs.tick(id, body.count, request.origin, request.key)),
        _route(
            "advance-to",
            AdvanceTo,
            lambda runs, id, body, request: runs.advance_to(id, body.to, request.origin, request.key),
        ),
        *(_route(name, command, _on_the_world) for name, command in COMMANDS.items()),
    ]


def _on_the_world(runs: RunService, run_id: str, body: Any, request: ApiRequest) -> Awaitable[Outcome]:
    return runs.command(run_id, body, request.origin, request.key)


def _route(name: str, shape: type[msgspec.Struct], act: Act) -> HTTPRouteHandler:
    assert shape.__doc__ is not None, "commands say what they do"

    @post(
        f"/{name}",
        name=f"command_{name.replace('-', '_')}",
        summary=shape.__doc__.split(". ")[0].split("; ")[0].rstrip("."),
        description=shape.__doc__,
        status_code=200,
        dependencies={"asked": body_of(shape)},
        opt={"headers": ["Idempotency-Key"]},
    )
    async def carry_out(
        request: ApiRequest, run_id: FromPath[str], asked: NamedDependency[SkipValidation[msgspec.Struct]]
    ) -> Outcome:
        return await act(request.backend.runs, run_id, asked, request)

    return carry_out
