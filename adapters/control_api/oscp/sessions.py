"""/simulation-runs/{run_id}/oscp-sessions and /oscp-sessions: sessions with a partner, and what may be one."""

from __future__ import annotations

import asyncio

import msgspec
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, SkipValidation

from depot_sim.adapters.control_api.freshness import fresh
from depot_sim.adapters.control_api.requests import ApiRequest, body_of, query_of
from depot_sim.application.oscp.requests import CreateSession, SessionCreated
from depot_sim.application.oscp.service import OscpService
from depot_sim.application.oscp.views import SessionView
from depot_sim.domain.kernel.address import masked_address
from depot_sim.domain.kernel.instants import written
from depot_sim.domain.kernel.projection import ProjectionHealth
from depot_sim.domain.oscp.profile import PartnerProfile
from depot_sim.domain.oscp.profiles import BUILT_IN
from depot_sim.domain.oscp.vocabulary import Direction, Lifecycle, MessageType, Outcome, SessionClock
from depot_sim.read_models.oscp.sessions import MODEL as SESSIONS
from depot_sim.read_models.oscp.sessions import Session, list_sessions
from depot_sim.read_models.paging import NEWEST


class SessionList(msgspec.Struct, frozen=True):
    """Active sessions of a run, each whole."""

    sessions: list[SessionView]


class LastMessage(msgspec.Struct, frozen=True):
    """The newest message of a session; its outcome is pending until it is final."""

    ledger_entry_id: str
    at: str
    direction: Direction
    message_type: MessageType
    outcome: Outcome


class LastError(msgspec.Struct, frozen=True):
    """The last message that went wrong, and how; `deliberate` when an override wanted it so."""

    ledger_entry_id: str
    at: str
    error: str
    deliberate: bool


class SessionSummary(msgspec.Struct, frozen=True):
    """A session as the list over all runs tells it; those that were deleted are no longer `active`.

    `changed_at` is when its state changed last, by `cause`; it is on the session's own clock, as `attached_at` is.
    `messages` counts those of its ledger.
    """

    session_id: str
    run_id: str
    managed_scope_id: str
    remote_configuration_id: str
    betterfleet_base_url: str
    group_id: str
    asset_id: str
    partner_profile: str
    clock: SessionClock
    active: bool
    state: Lifecycle
    health: ProjectionHealth
    attached_at: str
    changed_at: str | None
    cause: str
    reason: str
    messages: int
    last_message: LastMessage | None
    last_error: LastError | None


class SessionSummaryList(msgspec.Struct, frozen=True):
    """The newest first. `next_before` asks for the following page with `before`; null at the end."""

    sessions: list[SessionSummary]
    next_before: int | None


class SessionsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`run` is a run's id; `before` is the `next_before` of the page before."""

    run: str | None = None
    state: Lifecycle | None = None
    active: bool | None = None
    before: int | None = None
    limit: int = 100


class PartnerProfileList(msgspec.Struct, frozen=True):
    """What a profile leaves out has the default of the schema."""

    partner_profiles: list[PartnerProfile]


@post("/", name="create_oscp_session", summary="Create an OSCP session", dependencies={"asked": body_of(CreateSession)})
async def create_session(
    request: ApiRequest, run_id: FromPath[str], asked: NamedDependency[SkipValidation[CreateSession]]
) -> Response[SessionCreated]:
    """Offline at first; there is one active session per run and configuration of the partner."""
    created = await request.backend.service(OscpService).create(run_id, asked, request.origin)
    location = f"/simulation-runs/{run_id}/oscp-sessions/{created.session_id}"
    return Response(created, status_code=201, headers={"Location": location})


@get("/", name="list_oscp_sessions_of_run", summary="List a run's OSCP sessions")
async def list_run_sessions(request: ApiRequest, run_id: FromPath[str]) -> SessionList:
    """The active ones, as they are now."""
    return SessionList(await request.backend.service(OscpService).list_sessions(run_id))


@get("/{session_id:str}", name="get_oscp_session", summary="Read an OSCP session")
async def get_session(request: ApiRequest, run_id: FromPath[str], session_id: FromPath[str]) -> SessionView:
    """State, negotiated behaviour, heartbeats, active forecasts, plans, and messages under way."""
    return await request.backend.service(OscpService).get(run_id, session_id)


@delete("/{session_id:str}", name="delete_oscp_session", summary="End an OSCP session", status_code=204)
async def delete_session(request: ApiRequest, run_id: FromPath[str], session_id: FromPath[str]) -> None:
    """Its history stays; its configuration may be used by a new session."""
    await request.backend.service(OscpService).delete(run_id, session_id, request.origin)


@get(
    "/oscp-sessions",
    name="list_oscp_sessions",
    summary="List OSCP sessions of all runs",
    dependencies={"asked": query_of(SessionsQuery)},
)
async def list_all_sessions(
    request: ApiRequest, asked: NamedDependency[SkipValidation[SessionsQuery]]
) -> SessionSummaryList:
    """The newest first, with state, health, last message and last error."""
    backend = request.backend

    def read() -> SessionSummaryList:
        fresh(backend, SESSIONS)
        page = list_sessions(
            backend.database(SESSIONS),
            run_id=asked.run,
            state=asked.state,
            active=asked.active,
            before=NEWEST if asked.before is None else asked.before,
            limit=asked.limit,
        )
        return SessionSummaryList([_summary(session) for session in page.sessions], page.next_before)

    return await asyncio.to_thread(read)


@get("/oscp-partner-profiles", name="list_oscp_partner_profiles", summary="List partner profiles")
async def list_partner_profiles(request: ApiRequest) -> PartnerProfileList:  # noqa: ARG001 - the guard's
    """How each kind of partner speaks OSCP; a session may lay changes over one of them."""
    return PartnerProfileList(list(BUILT_IN.values()))


SESSION_ROUTES: list[HTTPRouteHandler] = [create_session, list_run_sessions, get_session, delete_session]


def _summary(session: Session) -> SessionSummary:
    return SessionSummary(
        session_id=session.session_id,
        run_id=session.run_id,
        managed_scope_id=session.managed_scope_id,
        remote_configuration_id=session.remote_configuration_id,
        betterfleet_base_url=masked_address(session.betterfleet_base_url),
        group_id=session.group_id,
        asset_id=session.asset_id,
        partner_profile=session.partner_profile,
        clock=SessionClock(session.clock),
        active=session.active,
        state=Lifecycle(session.state),
        health=ProjectionHealth(session.health),
        attached_at=written(session.attached_at),
        changed_at=written(session.changed_at) if session.changed_at else None,
        cause=session.cause,
        reason=session.reason,
        messages=session.messages,
        last_message=_last_message(session),
        last_error=_last_error(session),
    )


def _last_message(session: Session) -> LastMessage | None:
    if not session.last_entry_id:
        return None
    return LastMessage(
        session.last_entry_id,
        written(session.last_message_at),
        Direction(session.last_direction),
        MessageType(session.last_message_type),
        Outcome(session.last_outcome),
    )


def _last_error(session: Session) -> LastError | None:
    if not session.error_entry_id:
        return None
    at = written(session.error_at)
    return LastError(session.error_entry_id, at, masked_address(session.error), session.error_deliberate)
