"""A session as the control API tells it; instants are RFC 3339, in UTC."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from depot_sim.application.oscp.inbound.access import InboundAccess, OscpReach, inbound_access
from depot_sim.domain.kernel.address import masked_address
from depot_sim.domain.oscp.events import OscpForecastPlanned
from depot_sim.domain.oscp.session import OscpCapacityProviderSession
from depot_sim.domain.oscp.state import Registration
from depot_sim.domain.oscp.vocabulary import (
    ForecastType,
    Lifecycle,
    MeasurementConfiguration,
    MessageType,
    Phase,
    PublicationMode,
    SessionClock,
    Unit,
)
from depot_sim.domain.oscp.wire.messages import Block
from depot_sim.domain.oscp.wire.times import format_instant


class BlockView(msgspec.Struct, frozen=True):
    """`capacity_milli` is in thousandths of `unit`."""

    start_time: str
    end_time: str
    capacity_milli: int
    unit: Unit
    phase: Phase


class ForecastView(msgspec.Struct, frozen=True):
    request_id: str
    type: ForecastType
    published_at: str
    blocks: tuple[BlockView, ...]


class PlanView(msgspec.Struct, frozen=True):
    """`times` 0 is for ever."""

    plan_id: str
    due: str
    type: ForecastType
    every_ms: int
    times: int
    relative: bool
    blocks: tuple[BlockView, ...]


class OpenMessageView(msgspec.Struct, frozen=True):
    ledger_entry_id: str
    direction: str
    message_type: MessageType
    since: str


class NegotiatedView(msgspec.Struct, frozen=True):
    """Null: no heartbeats in that direction."""

    receive_every_ms: int | None
    send_every_ms: int | None
    measurement_configuration: MeasurementConfiguration


class RegistrationState(StrEnum):
    """NONE: credentials exchanged by hand. AWAITED: the partner has our Register, and its own is still to come."""

    NONE = "none"
    AWAITED = "awaited"
    REGISTERED = "registered"
    ENDED = "ended"


class RegistrationView(msgspec.Struct, frozen=True):
    """`base_url` is where the partner is reached since it registered."""

    state: RegistrationState
    base_url: str
    version: str


class SessionView(msgspec.Struct, frozen=True):
    session_id: str
    run_id: str
    managed_scope_id: str
    remote_configuration_id: str
    betterfleet_base_url: str
    group_id: str
    asset_id: str
    measurement_publication_mode: PublicationMode
    state: Lifecycle
    detached: bool
    clock: SessionClock
    time: str
    partner_profile: str
    scenario_preset: str
    negotiated: NegotiatedView
    sends_heartbeats: bool
    last_heartbeat_sent_at: str | None
    last_heartbeat_received_at: str | None
    peer_offline_at: str | None
    forecasts: tuple[ForecastView, ...]
    plans: tuple[PlanView, ...]
    open_messages: tuple[OpenMessageView, ...]
    registration: RegistrationView
    inbound: InboundAccess


def session_view(session: OscpCapacityProviderSession, now: int, reach: OscpReach) -> SessionView:
    """`forecasts` are the newest accepted ones of each type."""
    attached, state = session.attached, session.state
    behaviour = state.behaviour
    forecasts = [forecast for type in ForecastType if (forecast := state.forecast(type)) is not None]
    return SessionView(
        session_id=attached.session_id,
        run_id=attached.run_id,
        managed_scope_id=attached.managed_scope_id,
        remote_configuration_id=attached.remote_configuration_id,
        betterfleet_base_url=masked_address(attached.betterfleet_base_url),
        group_id=attached.group_id,
        asset_id=attached.asset_id,
        measurement_publication_mode=attached.measurement_publication_mode,
        state=state.lifecycle,
        detached=state.detached,
        clock=attached.clock,
        time=format_instant(now),
        partner_profile=attached.profile.name,
        scenario_preset=attached.scenario_preset,
        negotiated=NegotiatedView(
            behaviour.receive_every_ms, behaviour.send_every_ms, behaviour.measurement_configuration
        ),
        sends_heartbeats=state.sends_heartbeats,
        last_heartbeat_sent_at=_optional(state.last_heartbeat_sent_at),
        last_heartbeat_received_at=_optional(state.last_heartbeat_received_at),
        peer_offline_at=_optional(state.peer_offline_at),
        forecasts=tuple(
            ForecastView(one.request_id, one.type, format_instant(one.at), _blocks(one.blocks)) for one in forecasts
        ),
        plans=tuple(plan_view(plan) for plan in state.plans.values()),
        open_messages=tuple(
            OpenMessageView(opened.entry_id, opened.direction, opened.message_type, format_instant(opened.at))
            for opened in state.open.values()
        ),
        registration=_registration(state.registration),
        inbound=inbound_access(state, reach),
    )


def plan_view(plan: OscpForecastPlanned) -> PlanView:
    return PlanView(
        plan_id=plan.plan_id,
        due=format_instant(plan.due),
        type=plan.type,
        every_ms=plan.every_ms,
        times=plan.times,
        relative=plan.relative,
        blocks=_blocks(plan.blocks),
    )


def _registration(registration: Registration) -> RegistrationView:
    state = RegistrationState.REGISTERED if registration.outbound is not None else RegistrationState.NONE
    if registration.awaited:
        state = RegistrationState.AWAITED
    elif registration.ended:
        state = RegistrationState.ENDED
    return RegistrationView(state, masked_address(registration.base_url), registration.version)


def _blocks(blocks: tuple[Block, ...]) -> tuple[BlockView, ...]:
    return tuple(
        BlockView(format_instant(block.start), format_instant(block.end), block.capacity_milli, block.unit, block.phase)
        for block in blocks
    )


def _optional(at: int | None) -> str | None:
    return None if at is None else format_instant(at)
