"""The messages a session sends of its own accord."""

from __future__ import annotations

from depot_sim.application.oscp.outbound.messages import MessageDraft
from depot_sim.domain.kernel.credentials import SecretReference
from depot_sim.domain.oscp.registering import VERSION
from depot_sim.domain.oscp.session import OscpCapacityProviderSession
from depot_sim.domain.oscp.vocabulary import MessageType
from depot_sim.domain.oscp.wire.messages import (
    Handshake,
    HandshakeAcknowledge,
    Heartbeat,
    OfferedVersion,
    Register,
    RequiredBehaviour,
)


def handshake(session: OscpCapacityProviderSession, heartbeat_interval_ms: int | None) -> MessageDraft:
    return MessageDraft(MessageType.HANDSHAKE, Handshake(_behaviour(session, heartbeat_interval_ms)))


def acknowledgement(session: OscpCapacityProviderSession) -> MessageDraft:
    """It answers the handshake by its request id."""
    behaviour = _behaviour(session, session.attached.policy.heartbeat_interval_ms)
    return MessageDraft(
        MessageType.HANDSHAKE_ACKNOWLEDGE,
        HandshakeAcknowledge(behaviour),
        correlation_id=session.state.handshake_id,
    )


def heartbeat(session: OscpCapacityProviderSession, now: int, offline_mode_at: int | None = None) -> MessageDraft:
    """Good for as many intervals as the profile says."""
    if offline_mode_at is None:
        every = session.state.behaviour.send_every_ms or session.attached.policy.heartbeat_interval_ms
        offline_mode_at = now + every * session.attached.profile.heartbeat_factor
    return MessageDraft(MessageType.HEARTBEAT, Heartbeat(offline_mode_at))


def register(session: OscpCapacityProviderSession, token: str, kept: SecretReference, now: int) -> MessageDraft:
    """Our address and a fresh token; it answers the partner's Register if that waits for one."""
    answers = session.begin_registration(kept, now)
    offered = OfferedVersion(VERSION, session.attached.own_base_url)
    return MessageDraft(MessageType.REGISTER, Register(token, (offered,)), correlation_id=answers)


def planned_forecast(session: OscpCapacityProviderSession, plan_id: str, now: int) -> MessageDraft:
    """What a plan sends now; the plan moves on."""
    forecast = session.carry_out_plan(plan_id, now)
    return MessageDraft(MessageType.UPDATE_GROUP_CAPACITY_FORECAST, forecast, plan_id=plan_id)


def _behaviour(session: OscpCapacityProviderSession, heartbeat_interval_ms: int | None) -> RequiredBehaviour:
    return RequiredBehaviour(heartbeat_interval_ms, (session.attached.measurement_configuration,))
