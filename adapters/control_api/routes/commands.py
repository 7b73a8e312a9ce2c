"""/simulation-runs/{run_id}/commands: one operation per command, on the run's clock or on its world."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, SkipValidation

from depot_sim.adapters.control_api.leaving import while_client_waits
from depot_sim.adapters.control_api.requests import ApiRequest, body_of
from depot_sim.application.run.advancing import Manner
from depot_sim.application.run.outcome import Outcome
from depot_sim.application.run.service import RunService
from depot_sim.domain.kernel.quantities import Duration
from depot_sim.domain.run.commands import COMMANDS


class Pause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Stop the run's clock; commands on the world are still carried out."""


class Resume(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let a paused run go on."""


class Stop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """End the run for good."""


class Tick(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Advance a run with a manual clock by whole ticks; `settle` and `detach` are those of advance-to."""

    count: int = 1
    settle: Duration | None = None
    detach: bool = False

    @property
    def manner(self) -> Manner:
        return Manner(self.settle, self.detach)


class AdvanceTo(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Advance a run with a manual clock to an RFC 3339 time, or to "+90 min" since its start.

    The run waits at each tick for the answers to what it has sent, at most `settle` of wall time (default: the run's; 0
    does not wait). It ends when its client leaves; with `detach` it is answered at once and goes on by itself.
    """

    to: str
    settle: Duration | None = None
    detach: bool = False

    @property
    def manner(self) -> Manner:
        return Manner(self.settle, self.detach)


class CancelAdvance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """End the advance that is under way where the run is. Whoever asked for it gets a refusal."""


Act = Callable[[RunService, str, Any, ApiRequest], Awaitable[Outcome]]


def command_routes() -> list[HTTPRouteHandler]:
    return [
        _route("pause", Pause, lambda runs, id, _, request: runs.pause(id, request.origin, request.key)),
        _route("resume", Resume, lambda runs, id, _, request: runs.resume(id, request.origin, request.key)),
        _route("stop", Stop, lambda runs, id, _, request: runs.stop(id, request.origin, request.key)),
        _route("tick", Tick, _tick),
        _route("advance-to", AdvanceTo, _advance_to),
        _route("cancel-advance", CancelAdvance, lambda runs, id, _, __: runs.cancel_advance(id)),
        *(_route(name, command, _on_the_world) for name, command in COMMANDS.items()),
    ]


def _tick(runs: RunService, run_id: str, body: Tick, request: ApiRequest) -> Awaitable[Outcome]:
    work = runs.tick(run_id, body.count, request.origin, request.key, body.manner)
    return while_client_waits(request.receive, work)


def _advance_to(runs: RunService, run_id: str, body: AdvanceTo, request: ApiRequest) -> Awaitable[Outcome]:
    work = runs.advance_to(run_id, body.to, request.origin, request.key, body.manner)
    return while_client_waits(request.receive, work)


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
