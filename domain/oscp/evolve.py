"""How each event changes a session's state. No decisions here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from depot_sim.domain.kernel.events import Event
from depot_sim.domain.kernel.projection import ProjectionStateChanged
from depot_sim.domain.oscp import events as e
from depot_sim.domain.oscp.state import (
    MOST_FORECASTS,
    Forced,
    NegotiatedBehaviour,
    PublishedForecast,
    Registration,
    SessionState,
)
from depot_sim.domain.oscp.vocabulary import LIVE, Direction, Lifecycle, MessageType, Outcome


def _attached(state: SessionState, event: e.OscpProviderSessionAttached) -> None:
    """One that is attached again begins anew, but for what is under way and what numbers its messages and plans."""
    behaviour = NegotiatedBehaviour(measurement_configuration=event.measurement_configuration)
    anew = SessionState(
        event,
        behaviour=behaviour,
        open=state.open,
        of_earlier=tuple(state.open),
        sent=state.sent,
        plan_count=state.plan_count,
    )
    for field in state.__struct_fields__:
        setattr(state, field, getattr(anew, field))


def _detached(state: SessionState, _: e.OscpProviderSessionDetached) -> None:
    state.detached = True


def _lifecycle(state: SessionState, event: e.OscpLifecycleChanged) -> None:
    state.lifecycle = event.after
    state.cause = event.cause
    if event.intervention:
        state.forced = Forced(event.intervention, event.before if state.forced is None else state.forced.otherwise)
    elif event.before is not event.after and not {event.before, event.after} <= LIVE:
        state.forced = None
    if event.after in LIVE and event.before not in LIVE:
        _go_live(state, event.at)
    elif event.after is Lifecycle.OFFLINE:
        _go_dark(state)
    elif event.cause is e.Cause.FORCED and event.after not in LIVE:
        _pretend_handshake(state, event)


def _pretend_handshake(state: SessionState, event: e.OscpLifecycleChanged) -> None:
    """In the middle of a handshake by force: there is none to answer, and any acknowledgement will do."""
    state.handshake_due = event.at + _policy(state).handshake_timeout_ms
    if event.after is not event.before:
        state.handshake_id = state.acknowledgement_id = ""
        state.acknowledging = True


def _go_live(state: SessionState, at: int) -> None:
    """The first heartbeat is due at once; the partner has as long as one of its heartbeats would give it."""
    every, factor = state.behaviour.receive_every_ms, _factor(state)
    state.live_since = at
    state.handshake_due = None
    state.peer_offline_at = at + factor * every if every else None
    state.next_heartbeat_at = at if state.behaviour.send_every_ms else None


def _go_dark(state: SessionState) -> None:
    state.handshake_id = state.acknowledgement_id = ""
    state.handshake_due = None
    state.peer_offline_at = None
    state.next_heartbeat_at = None


def _noted(*_: object) -> None:
    """For other readers."""


def _negotiated(state: SessionState, event: e.OscpBehaviourNegotiated) -> None:
    state.behaviour = NegotiatedBehaviour(event.receive_every_ms, event.send_every_ms, event.measurement_configuration)


def _opened(state: SessionState, event: e.OscpMessageOpened) -> None:
    state.open[event.entry_id] = event
    if event.direction is not Direction.OUTBOUND:
        return
    state.sent += 1
    if event.part:
        return
    match event.message_type:
        case MessageType.HANDSHAKE:
            state.handshake_id = event.request_id
            state.handshake_due = event.at + _policy(state).handshake_timeout_ms
            state.asked_every_ms = event.wants_heartbeat_every_ms
        case MessageType.HANDSHAKE_ACKNOWLEDGE:
            state.acknowledging = True
            state.acknowledgement_id = event.entry_id
            state.asked_every_ms = event.wants_heartbeat_every_ms
        case MessageType.HEARTBEAT:
            every = state.behaviour.send_every_ms
            state.next_heartbeat_at = event.at + every if every else None


def _closed(state: SessionState, event: Any) -> None:
    state.open.pop(event.entry_id, None)


def _partner_registered(state: SessionState, event: e.OscpPartnerRegistered) -> None:
    _closed(state, event)
    state.registration = replace(
        state.registration,
        base_url=event.base_url,
        version=event.version,
        outbound=event.outbound,
        owed=event.request_id if event.reply_owed else "",
        awaited="",
        ended=False,
    )


def _partner_unregistered(state: SessionState, event: e.OscpPartnerUnregistered) -> None:
    _closed(state, event)
    state.registration = Registration(ended=True)


def _registration_begun(state: SessionState, event: e.OscpRegistrationBegun) -> None:
    state.registration = replace(
        state.registration,
        issued=event.inbound,
        issued_by=event.request_id,
        owed="",
        awaited="" if event.answers else event.request_id,
        answered_at=event.at if event.answers else None,
    )


def _registration_sent(state: SessionState, event: e.OscpRegistrationSent) -> None:
    """A token that was refused is good for nothing; without an answer it cannot be known, and both are good."""
    _closed(state, event)
    registration = state.registration
    if event.request_id != registration.issued_by:
        return
    if event.outcome is Outcome.ACCEPTED:
        state.registration = replace(registration, inbound=registration.issued, issued=None, issued_by="", ended=False)
    elif event.outcome is not Outcome.FAILED:
        awaited = "" if registration.awaited == event.request_id else registration.awaited
        state.registration = replace(registration, issued=None, issued_by="", awaited=awaited)


def _handshake_received(state: SessionState, event: e.OscpHandshakeReceived) -> None:
    _closed(state, event)
    if event.outcome is Outcome.ACCEPTED:
        state.handshake_id = event.request_id
        state.handshake_due = event.at + _policy(state).handshake_timeout_ms
        state.acknowledging = False
        state.acknowledgement_id = ""
        state.partner_wants_every_ms = event.heartbeat_interval_ms


def _acknowledge_received(state: SessionState, event: e.OscpHandshakeAcknowledgeReceived) -> None:
    _closed(state, event)
    if event.outcome is Outcome.ACCEPTED:
        state.partner_wants_every_ms = event.heartbeat_interval_ms


def _heartbeat_received(state: SessionState, event: e.OscpHeartbeatReceived) -> None:
    _closed(state, event)
    if event.outcome is Outcome.ACCEPTED:
        state.last_heartbeat_received_at = event.at
        state.peer_offline_at = event.offline_mode_at


def _heartbeat_sent(state: SessionState, event: e.OscpHeartbeatSent) -> None:
    _closed(state, event)
    if event.outcome is Outcome.ACCEPTED:
        state.last_heartbeat_sent_at = event.at


def _planned(state: SessionState, event: e.OscpForecastPlanned) -> None:
    state.plans[event.plan_id] = event
    state.plan_count += 1


def _plan_ended(state: SessionState, event: e.OscpForecastPlanEnded) -> None:
    state.plans.pop(event.plan_id, None)


def _plan_moved(state: SessionState, event: e.OscpForecastPlanMoved) -> None:
    state.plans[event.plan.plan_id] = event.plan


def _published(state: SessionState, event: e.OscpForecastPublished) -> None:
    _closed(state, event)
    if event.outcome is not Outcome.ACCEPTED:
        return
    state.forecasts[event.request_id] = PublishedForecast(event.request_id, event.type, event.blocks, event.at)
    state.active[event.type.value] = event.request_id
    while len(state.forecasts) > MOST_FORECASTS:
        del state.forecasts[next(iter(state.forecasts))]


def _validated(state: SessionState, event: e.OscpOutboundMessageValidated) -> None:
    _closed(state, event)
    if event.outcome is not Outcome.ACCEPTED:
        return
    if event.window is not None:
        state.last_window_end[event.message_type.value] = event.window[1]
    if event.message_type is MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR:
        state.answered[event.correlation_id] = event.at
        while len(state.answered) > MOST_FORECASTS:
            del state.answered[next(iter(state.answered))]


def _switched(state: SessionState, event: e.OscpHeartbeatsSwitched) -> None:
    state.sends_heartbeats = event.sending
    state.heartbeats_held_by = "" if event.sending else event.intervention


def _policy(state: SessionState) -> e.Policy:
    assert state.attached is not None, "a session begins by being attached"
    return state.attached.policy


def _factor(state: SessionState) -> int:
    assert state.attached is not None, "a session begins by being attached"
    return state.attached.profile.heartbeat_factor


HANDLERS: Mapping[type[Event], Callable[[Any, Any], None]] = {
    e.OscpProviderSessionAttached: _attached,
    e.OscpProviderSessionDetached: _detached,
    e.OscpLifecycleChanged: _lifecycle,
    ProjectionStateChanged: _noted,
    e.OscpBehaviourNegotiated: _negotiated,
    e.OscpMessageOpened: _opened,
    e.OscpMessageClosed: _closed,
    e.OscpPartnerRegistered: _partner_registered,
    e.OscpPartnerUnregistered: _partner_unregistered,
    e.OscpRegistrationBegun: _registration_begun,
    e.OscpRegistrationSent: _registration_sent,
    e.OscpHandshakeReceived: _handshake_received,
    e.OscpHandshakeSent: _closed,
    e.OscpHandshakeAcknowledgeReceived: _acknowledge_received,
    e.OscpHandshakeAcknowledgeSent: _closed,
    e.OscpHeartbeatReceived: _heartbeat_received,
    e.OscpHeartbeatSent: _heartbeat_sent,
    e.OscpForecastPlanned: _planned,
    e.OscpForecastPlanMoved: _plan_moved,
    e.OscpForecastPlanEnded: _plan_ended,
    e.OscpForecastPublished: _published,
    e.OscpOutboundMessageReceived: _noted,
    e.OscpOutboundMessageValidated: _validated,
    e.OscpSessionTimedOut: _noted,
    e.OscpHeartbeatsSwitched: _switched,
}
