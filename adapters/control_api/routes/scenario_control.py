"""…/overrides and …/expectations: failures on purpose, and messages that have to come, for every kind of target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Response, Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import SkipValidation

from depot_sim.adapters.control_api.requests import ApiRequest, query_of, raw_body_of
from depot_sim.application.channels.control import ChannelControl
from depot_sim.application.channels.views import ExpectationView, OverridesChanged, OverrideView
from depot_sim.domain.interaction.expectation_events import NearMiss
from depot_sim.domain.interaction.expectation_requests import ExpectationRequest, StepRequest
from depot_sim.domain.interaction.family import Family, Mode
from depot_sim.domain.interaction.override_requests import OverrideRequest


class OverrideList(msgspec.Struct, frozen=True):
    """The active ones, the oldest first."""

    overrides: list[OverrideView]


class OverrideModeList(msgspec.Struct, frozen=True):
    """Named failures, each with a sentence and with what it stands for."""

    override_modes: list[Mode]


class ExpectationList(msgspec.Struct, frozen=True):
    """Those waiting, then those settled last."""

    expectations: list[ExpectationView]


class NearestMessages(msgspec.Struct, frozen=True):
    """Messages field by field beside the one that was asked for, the nearest first. `step` is 0."""

    nearest: tuple[NearMiss, ...]


class WaitQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`wait` is for how many seconds to wait for a verdict, at most 60."""

    wait: int = 0


@dataclass(frozen=True, slots=True)
class TargetKind:
    """Targets of a family, as they are reached: `parameter` is their name's in the path, `name` is for operations.

    `changed` makes the answer to a change of overrides, an `answer`, in which the target may have another name.
    """

    name: str
    family: Family
    parameter: str
    changed: Callable[[OverridesChanged], msgspec.Struct] = lambda changed: changed
    answer: type[msgspec.Struct] = OverridesChanged

    def of(self, request: ApiRequest) -> tuple[ChannelControl, str, str]:
        """The control, the run's id and the target's name."""
        control = request.backend.controls.of(self.family.target_kind)
        return control, request.path_params["run_id"], request.path_params[self.parameter]


def target_routes(kind: TargetKind, target: str, *tags: str) -> list[Router]:
    """Overrides and expectations below the path of a target."""
    return [
        Router(target, tags=tags, route_handlers=_override_routes(kind)),
        Router(f"{target}/expectations", tags=tags, route_handlers=_expectation_routes(kind)),
    ]


def _override_routes(kind: TargetKind) -> list[HTTPRouteHandler]:
    async def change_overrides(request: ApiRequest, asked: NamedDependency[SkipValidation[Any]]) -> Any:
        """What it does to messages is marked in the history, so that it is never mistaken for an accident."""
        control, run_id, name = kind.of(request)
        return kind.changed(await control.change_overrides(run_id, name, asked, request.origin))

    async def list_overrides(request: ApiRequest) -> OverrideList:
        """With how many messages each has seen and treated."""
        control, run_id, name = kind.of(request)
        return OverrideList(await control.overrides(run_id, name))

    change_overrides.__annotations__["return"] = kind.answer
    changing = patch(
        "/overrides",
        name=f"change_{kind.name}_overrides",
        summary="Apply or clear an override",
        dependencies={"asked": raw_body_of(OverrideRequest)},
    )
    listing = get("/overrides", name=f"list_{kind.name}_overrides", summary="List active overrides")
    return [changing(change_overrides), listing(list_overrides)]


def override_mode_route(kind: TargetKind) -> HTTPRouteHandler:
    """Beside the runs."""

    async def list_override_modes(request: ApiRequest) -> OverrideModeList:  # noqa: ARG001 - the guard's
        """What `mode` may name."""
        return OverrideModeList(list(kind.family.modes.values()))

    summary = "List the named override modes"
    return get(f"/{kind.name}-override-modes", name=f"list_{kind.name}_override_modes", summary=summary)(
        list_override_modes
    )


def _expectation_routes(kind: TargetKind) -> list[HTTPRouteHandler]:
    async def raise_expectation(
        request: ApiRequest, asked: NamedDependency[SkipValidation[Any]]
    ) -> Response[ExpectationView]:
        """From now on; what came before does not count."""
        control, run_id, name = kind.of(request)
        view = await control.raise_expectation(run_id, name, asked, request.origin)
        location = f"{request.url.path.rstrip('/')}/{view.expectation_id}"
        return Response(view, status_code=201, headers={"Location": location})

    async def list_expectations(request: ApiRequest) -> ExpectationList:
        """Of those settled long ago only the log knows."""
        control, run_id, name = kind.of(request)
        return ExpectationList(await control.expectations(run_id, name))

    raising = post(
        "/",
        name=f"raise_{kind.name}_expectation",
        summary="Expect messages",
        dependencies={"asked": raw_body_of(ExpectationRequest)},
    )

    async def find_nearest(request: ApiRequest, asked: NamedDependency[SkipValidation[Any]]) -> NearestMessages:
        """Among the last messages that this process has seen. Nothing needs to be expected, and nothing changes."""
        control, run_id, name = kind.of(request)
        return NearestMessages(await control.nearest(run_id, name, asked))

    listing = get("/", name=f"list_{kind.name}_expectations", summary="List expectations")
    finding = post(
        "/nearest",
        name=f"find_nearest_{kind.name}_messages",
        summary="Find the messages nearest to one",
        status_code=200,
        dependencies={"asked": raw_body_of(StepRequest)},
    )
    return [
        raising(raise_expectation),
        listing(list_expectations),
        finding(find_nearest),
        *_single_expectation_routes(kind),
    ]


def _single_expectation_routes(kind: TargetKind) -> list[HTTPRouteHandler]:
    async def get_expectation(
        request: ApiRequest, asked: NamedDependency[SkipValidation[WaitQuery]]
    ) -> ExpectationView:
        """With `wait` it is answered the moment the verdict is known, or when the wait is over."""
        control, run_id, name = kind.of(request)
        return await control.expectation(run_id, name, request.path_params["expectation_id"], asked.wait)

    async def retire_expectation(request: ApiRequest) -> ExpectationView:
        """Before it has a verdict."""
        control, run_id, name = kind.of(request)
        return await control.retire_expectation(run_id, name, request.path_params["expectation_id"], request.origin)

    path = "/{expectation_id:str}"
    reading = get(
        path,
        name=f"get_{kind.name}_expectation",
        summary="Read an expectation, or wait for its verdict",
        dependencies={"asked": query_of(WaitQuery)},
    )
    retiring = delete(path, name=f"retire_{kind.name}_expectation", summary="Call an expectation off", status_code=200)
    return [reading(get_expectation), retiring(retire_expectation)]
