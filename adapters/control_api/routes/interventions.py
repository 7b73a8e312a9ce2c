"""…/interventions of a run and /interventions/{id}: what was ever done on purpose; …/reset ends all of it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from depot_sim.adapters.control_api.backend import Backend
from depot_sim.adapters.control_api.freshness import fresh
from depot_sim.adapters.control_api.paths import RUN_PATH
from depot_sim.adapters.control_api.requests import ApiRequest, query_of
from depot_sim.application.channels.views import ChannelReset
from depot_sim.domain.interaction.override_events import Override, OverrideApplied
from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.kernel.events import decode
from depot_sim.domain.kernel.instants import written
from depot_sim.read_models.interventions import MODEL, Intervention, get_intervention, list_interventions
from depot_sim.read_models.paging import NEWEST


class InterventionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """`target` is the id of a session or feed, on whose clock it began and ended.

    `ended_at` is null while it is in force. `ended_by` says why it ended: `time` or `count` is up, it was `cleared`,
    what it switched is `over`, or it was `done` at once.
    """

    id: str
    name: str
    reason: str
    target: str
    begun_at: str
    ended_at: str | None
    ended_by: str | None


class InterventionView(InterventionSummary, frozen=True, kw_only=True):
    """`override` is what it does to which messages, null for a command. `run_id` is empty in logs of older versions."""

    run_id: str
    override: Override | None


class InterventionList(msgspec.Struct, frozen=True):
    """`next_before` asks for the following page with `before`; null at the end."""

    interventions: list[InterventionSummary]
    next_before: int | None


class InterventionsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`in_force`: only those that have not ended, or only the others. `before` is the `next_before` of a page."""

    in_force: bool | None = None
    before: int | None = None
    limit: int = 100


class RunReset(msgspec.Struct, frozen=True):
    """What was ended, by target; targets that had nothing are left out."""

    reset: list[ChannelReset]


@get(
    "/interventions",
    name="list_interventions",
    summary="List what was done on purpose",
    dependencies={"asked": query_of(InterventionsQuery)},
)
async def list_run_interventions(
    request: ApiRequest, run_id: FromPath[str], asked: NamedDependency[SkipValidation[InterventionsQuery]]
) -> InterventionList:
    """To the sessions and feeds of a run, over or not, the newest first."""
    await request.backend.live.get(run_id)

    def read() -> InterventionList:
        fresh(request.backend, MODEL)
        before = NEWEST if asked.before is None else asked.before
        page = list_interventions(
            request.backend.database(MODEL), run_id, in_force=asked.in_force, before=before, limit=asked.limit
        )
        return InterventionList([InterventionSummary(**_facts(one)) for one in page.interventions], page.next_before)

    return await asyncio.to_thread(read)


@get("/interventions/{intervention_id:str}", name="get_intervention", summary="Read an intervention")
async def get_one_intervention(request: ApiRequest, intervention_id: FromPath[str]) -> InterventionView:
    """What packets and messages name by its id, also when it is long over."""

    def read() -> InterventionView:
        fresh(request.backend, MODEL)
        found = get_intervention(request.backend.database(MODEL), intervention_id)
        if found is None:
            raise NotFound(f"there is no intervention {intervention_id}", "list the interventions of a run to see ids")
        return InterventionView(**_facts(found), run_id=found.run_id, override=_override(request.backend, found))

    return await asyncio.to_thread(read)


@post("/reset", name="reset_run", summary="End all that is done on purpose", status_code=200)
async def reset_run(request: ApiRequest, run_id: FromPath[str]) -> RunReset:
    """Ends all interventions in the run's sessions and feeds with what they switched, and calls off all expectations.

    What they have done stays in the history. A session in a forced state goes offline.
    """
    await request.backend.live.get(run_id)
    return RunReset(await request.backend.controls.reset(run_id, request.origin))


def intervention_routes() -> Router:
    return Router(RUN_PATH, tags=["Interventions"], route_handlers=[list_run_interventions, reset_run])


def _facts(found: Intervention) -> dict[str, Any]:
    return {
        "id": found.intervention_id,
        "name": found.name,
        "reason": found.reason,
        "target": found.target,
        "begun_at": written(found.begun_at),
        "ended_at": written(found.ended_at) if found.ended_by else None,
        "ended_by": found.ended_by or None,
    }


def _override(backend: Backend, found: Intervention) -> Override | None:
    (row,) = backend.log.read_all(found.position - 1, 1, upto=found.position)
    begun = decode(row.topic, row.state)
    return begun.override if isinstance(begun, OverrideApplied) else None
