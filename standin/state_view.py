"""What the control API and the state page tell about a connection."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from depot_sim.standin.connection import Lifecycle
from depot_sim.standin.constraint import Constraint, Limit, Mode, Source
from depot_sim.standin.forecasts import Block, Forecast
from depot_sim.standin.history import AuditEntry, Incident, Notification, TrackedError
from depot_sim.standin.link import Link, SentHeartbeat
from depot_sim.standin.misbehaviour import MisbehaviourOrder
from depot_sim.standin.profile import Profile
from depot_sim.standin.wire import ForecastType


class ConstraintView(Struct, frozen=True):
    """The limit of consumption at the top level, for it is what the mode is mostly about; that of generation beside."""

    mode: Mode
    source: Source
    kw: float | None
    block: Block | None
    generation: Limit

    @staticmethod
    def of(constraint: Constraint) -> ConstraintView:
        limit = constraint.consumption
        return ConstraintView(constraint.mode, limit.source, limit.kw, limit.block, constraint.generation)


class ConnectionView(Struct, frozen=True, kw_only=True):
    """The whole state of a connection."""

    configuration_id: str
    profile: Profile
    lifecycle: Lifecycle
    handshaken_at: datetime | None
    send_heartbeats_every: float | None
    receive_heartbeats_every: float | None
    heartbeats_enabled: bool
    last_heartbeat_sent: SentHeartbeat | None
    last_heartbeat_received: datetime | None
    offline_at: datetime | None
    scope_time: datetime
    forecasts: dict[ForecastType, Forecast]
    effective_constraint: ConstraintView
    load_kw: float | None
    misbehaviour: MisbehaviourOrder
    last_error: TrackedError | None
    incidents: list[Incident]
    notifications: list[Notification]
    audit: list[AuditEntry]


def view(link: Link) -> ConnectionView:
    """The state as it is now."""
    connection, history, standing = link.connection, link.connection.history, link.connection.standing
    return ConnectionView(
        configuration_id=connection.configuration_id,
        profile=_without_secret(link.profile),
        lifecycle=connection.lifecycle,
        handshaken_at=standing.since if standing else None,
        send_heartbeats_every=standing.send_heartbeats_every if standing else None,
        receive_heartbeats_every=standing.receive_heartbeats_every if standing else None,
        heartbeats_enabled=link.heartbeats_enabled,
        last_heartbeat_sent=link.last_heartbeat_sent,
        last_heartbeat_received=connection.last_heartbeat_received,
        offline_at=connection.offline_at,
        scope_time=link.scope_time(),
        forecasts=connection.scope.forecasts,
        effective_constraint=ConstraintView.of(connection.scope.constraint),
        load_kw=link.load_kw,
        misbehaviour=MisbehaviourOrder(link.misbehaviour.rules, link.misbehaviour.outage),
        last_error=history.last_error,
        incidents=history.incidents,
        notifications=history.notifications,
        audit=history.audit,
    )


def _without_secret(profile: Profile) -> Profile:
    return replace(profile, authorization="***") if profile.authorization else profile
