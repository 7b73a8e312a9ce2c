"""The life of a session: attached, connected in either direction, forced, disconnected, ended."""

from __future__ import annotations

import pytest

from depot_sim.domain.kernel.errors import CommandRefused, Conflict, NotFound
from depot_sim.domain.kernel.projection import ProjectionStateChanged
from depot_sim.domain.oscp import events as e
from depot_sim.domain.oscp.due import Act, agenda
from depot_sim.domain.oscp.profile import PartnerProfile
from depot_sim.domain.oscp.session import OscpCapacityProviderSession
from depot_sim.domain.oscp.state import Forced
from depot_sim.domain.oscp.vocabulary import LIVE, Lifecycle, MessageType, Outcome
from tests.domain.oscp.driving import SECOND, Driven, online
from tests.domain.oscp.sessions import ATTACHED

ACCEPTING, AWAITING = Lifecycle.ACCEPTING_HANDSHAKE, Lifecycle.AWAITING_HANDSHAKE_ACKNOWLEDGE
OFFLINE, ONLINE, DEGRADED = Lifecycle.OFFLINE, Lifecycle.ONLINE, Lifecycle.DEGRADED
HANDSHAKE, ACKNOWLEDGE = MessageType.HANDSHAKE, MessageType.HANDSHAKE_ACKNOWLEDGE
HEARTBEAT, FORECAST = MessageType.HEARTBEAT, MessageType.UPDATE_GROUP_CAPACITY_FORECAST

SILENT = PartnerProfile(name="silent", same_interval=False)
"""Whose partner gets no heartbeats unless it asks for some."""


def in_state(state: Lifecycle) -> Driven:
    """In this state by the protocol's own means."""
    match state:
        case Lifecycle.OFFLINE:
            return Driven()
        case Lifecycle.ACCEPTING_HANDSHAKE:
            driven = Driven()
            driven.receive_handshake()
        case Lifecycle.AWAITING_HANDSHAKE_ACKNOWLEDGE:
            driven = Driven()
            driven.send(HANDSHAKE)
        case Lifecycle.ONLINE:
            driven = online()
        case Lifecycle.DEGRADED:
            driven = online()
            driven.send(HEARTBEAT, Outcome.FAILED)
    return driven


def acts(driven: Driven) -> set[Act]:
    return {due.act for due in agenda(driven.session.state)}


# Being there


def test_a_session_that_was_never_attached_is_not_found() -> None:
    session = OscpCapacityProviderSession("run-1", "configuration-1")
    assert not session.is_active
    with pytest.raises(NotFound):
        _ = session.attached


def test_an_attached_session_is_offline_and_has_nothing_to_do() -> None:
    driven = Driven()
    assert driven.state is OFFLINE
    assert acts(driven) == set()


def test_one_run_has_one_active_session_per_configuration() -> None:
    with pytest.raises(Conflict, match="has a session"):
        Driven().session.attach(ATTACHED)


def test_a_session_that_ended_can_be_attached_again_and_begins_anew() -> None:
    driven = online()
    driven.session.switch_heartbeats(False, driven.now)
    driven.send(FORECAST)
    sent = driven.session.state.sent
    driven.session.detach(driven.now)
    assert not driven.session.is_active
    assert driven.causes()[-1] is e.Cause.DETACHED

    driven.session.attach(ATTACHED)
    state = driven.session.state
    assert not state.detached
    assert (state.lifecycle, state.forecasts, state.active, state.plans) == (OFFLINE, {}, {}, {})
    assert state.sends_heartbeats
    assert state.behaviour.send_every_ms is None
    assert state.sent == sent, "no request id is ever used twice"


# Handshakes


def test_the_partners_handshake_is_acknowledged_and_brings_the_session_online() -> None:
    driven = Driven()
    driven.receive_handshake(id="h-1")
    assert driven.state is ACCEPTING
    assert Act.ACKNOWLEDGE in acts(driven)

    entry = driven.open(ACKNOWLEDGE)
    assert Act.ACKNOWLEDGE not in acts(driven)
    driven.finish(entry, ACKNOWLEDGE)
    assert driven.state is ONLINE
    assert driven.causes() == [e.Cause.HANDSHAKE_RECEIVED, e.Cause.HANDSHAKE_COMPLETED]


def test_our_handshake_waits_for_its_acknowledgement_and_then_is_online() -> None:
    driven = Driven()
    driven.send(HANDSHAKE)
    assert driven.state is AWAITING
    driven.receive_acknowledge()
    assert driven.state is ONLINE
    assert driven.causes() == [e.Cause.HANDSHAKE_SENT, e.Cause.HANDSHAKE_COMPLETED]


def test_an_acknowledgement_may_overtake_the_answer_to_the_handshake() -> None:
    driven = Driven()
    entry = driven.open(HANDSHAKE)
    driven.receive_acknowledge()
    assert driven.state is ONLINE
    driven.finish(entry, HANDSHAKE, Outcome.FAILED)
    assert driven.state is ONLINE


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.IGNORED, Outcome.INDETERMINATE])
@pytest.mark.parametrize("state", [OFFLINE, AWAITING])
def test_what_is_not_accepted_changes_no_state(state: Lifecycle, outcome: Outcome) -> None:
    driven = in_state(state)
    driven.receive_handshake(outcome=outcome)
    driven.receive_acknowledge(outcome=outcome)
    assert driven.state is state


def test_an_unreadable_handshake_that_was_accepted_by_force_asks_for_nothing() -> None:
    driven = Driven()
    driven.receive(HANDSHAKE, None)
    assert driven.state is ACCEPTING
    assert driven.session.state.partner_wants_every_ms is None


@pytest.mark.parametrize(
    ("outcome", "status", "cause"),
    [
        (Outcome.REJECTED, 403, e.Cause.HANDSHAKE_REFUSED),
        (Outcome.REJECTED, 503, e.Cause.HANDSHAKE_REFUSED),
        (Outcome.FAILED, 0, e.Cause.UNREACHABLE),
    ],
)
def test_a_handshake_or_acknowledgement_the_partner_does_not_take_ends_offline(
    outcome: Outcome, status: int, cause: e.Cause
) -> None:
    ours = Driven()
    ours.send(HANDSHAKE, outcome, status)
    theirs = Driven()
    theirs.receive_handshake()
    theirs.send(ACKNOWLEDGE, outcome, status)
    for driven in (ours, theirs):
        assert driven.state is OFFLINE
        assert driven.causes()[-1] is cause
        assert acts(driven) == set()


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.FAILED])
def test_the_end_of_a_handshake_that_was_given_up_does_not_touch_its_successor(outcome: Outcome) -> None:
    driven = Driven()
    first = driven.open(HANDSHAKE)
    driven.session.disconnect(driven.now)
    driven.send(HANDSHAKE)
    driven.finish(first, HANDSHAKE, outcome, 403)
    assert driven.state is AWAITING


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.REJECTED, Outcome.FAILED])
def test_the_end_of_an_acknowledgement_of_an_earlier_handshake_does_not_touch_the_present_one(outcome: Outcome) -> None:
    driven = Driven()
    driven.receive_handshake(id="h-1")
    late = driven.open(ACKNOWLEDGE)
    driven.after(30 * SECOND)
    driven.receive_handshake(id="h-2")
    driven.finish(late, ACKNOWLEDGE, outcome, 403)
    assert driven.state is ACCEPTING
    assert Act.ACKNOWLEDGE in acts(driven)


def test_handshakes_that_cross_end_online_by_the_one_that_is_acknowledged() -> None:
    """Ours is sent in the middle of theirs, as an override provokes it: theirs is given up, ours goes on."""
    driven = Driven()
    driven.receive_handshake()
    driven.send(HANDSHAKE)
    assert driven.state is AWAITING
    assert Act.ACKNOWLEDGE not in acts(driven)
    driven.receive_acknowledge()
    assert driven.state is ONLINE


def test_a_handshake_taken_while_online_is_a_new_beginning() -> None:
    """As an override makes it: the rules refuse it."""
    driven = online()
    driven.receive_handshake(every_ms=60 * SECOND, id="h-2")
    assert driven.state is ACCEPTING
    driven.send(ACKNOWLEDGE)
    assert driven.state is ONLINE
    assert driven.session.state.behaviour.send_every_ms == 60 * SECOND


@pytest.mark.parametrize("type", [HANDSHAKE, ACKNOWLEDGE])
def test_repetitions_of_what_was_sent_have_no_effect_of_their_own(type: MessageType) -> None:
    driven = Driven()
    if type is HANDSHAKE:
        driven.send(HANDSHAKE)
        driven.receive_acknowledge()
    else:
        driven = online()
    before = driven.session.state.handshake_id
    entry = driven.open(type, part=True)
    assert driven.state is ONLINE
    driven.session.close(entry, Outcome.REJECTED, driven.now)
    assert driven.state is ONLINE
    assert driven.session.state.handshake_id == before
    assert driven.session.state.open == {}


# What may be sent

MAY_SEND = {
    HANDSHAKE: {OFFLINE},
    ACKNOWLEDGE: {ACCEPTING},
    HEARTBEAT: LIVE,
    FORECAST: LIVE,
    MessageType.UPDATE_GROUP_MEASUREMENTS: frozenset(Lifecycle),
}


@pytest.mark.parametrize("state", Lifecycle)
@pytest.mark.parametrize("type", MAY_SEND)
def test_the_state_decides_what_may_be_sent(type: MessageType, state: Lifecycle) -> None:
    session = in_state(state).session
    if state in MAY_SEND[type]:
        session.check_may_send(type)
    else:
        with pytest.raises(CommandRefused, match=state.value):
            session.check_may_send(type)


def test_a_partner_that_does_not_register_is_sent_no_register() -> None:
    with pytest.raises(CommandRefused, match="do not register"):
        Driven().session.check_may_send(MessageType.REGISTER)


def test_request_ids_are_the_same_whenever_the_session_is_and_never_repeat() -> None:
    def ids() -> list[str]:
        driven = online()
        for _ in range(3):
            driven.send(HEARTBEAT)
        return [event.request_id for event in driven.events(e.OscpMessageOpened)]

    assert ids() == ids()
    assert len(set(ids())) == 4


# Forced, disconnected, degraded


@pytest.mark.parametrize("after", Lifecycle)
@pytest.mark.parametrize("before", Lifecycle)
def test_any_state_can_be_forced_from_any_other(before: Lifecycle, after: Lifecycle) -> None:
    driven = in_state(before)
    driven.session.force(after, driven.now, "for a test")
    changed = driven.events(e.OscpLifecycleChanged)[-1]
    assert (driven.state, changed.cause, changed.reason) == (after, e.Cause.FORCED, "for a test")


@pytest.mark.parametrize("state", [ACCEPTING, AWAITING])
def test_a_handshake_that_is_only_pretended_times_out_like_a_real_one(state: Lifecycle) -> None:
    driven = in_state(ONLINE)
    driven.session.force(state, driven.now)
    assert driven.session.state.handshake_id == "", "there is none, so any acknowledgement will do"
    assert Act.ACKNOWLEDGE not in acts(driven), "there is none to answer"
    assert driven.after(30 * SECOND - 1).state is state
    assert driven.after(1).state is OFFLINE


def test_forcing_the_state_it_is_in_already_does_not_disturb_a_handshake() -> None:
    driven = Driven()
    driven.receive_handshake(id="h-1")
    driven.session.force(ACCEPTING, driven.now)
    assert driven.session.state.handshake_id == "h-1"
    assert Act.ACKNOWLEDGE in acts(driven)


def test_online_by_force_without_a_handshake_takes_our_own_rates() -> None:
    driven = Driven()
    driven.session.force(ONLINE, driven.now)
    behaviour = driven.session.state.behaviour
    assert (behaviour.receive_every_ms, behaviour.send_every_ms) == (5 * SECOND, 5 * SECOND)
    assert acts(driven) == {Act.HEARTBEAT, Act.TIME_OUT}


def test_force_between_live_states_keeps_what_was_negotiated() -> None:
    driven = online(receive_ms=7 * SECOND, send_ms=None, profile=SILENT)
    driven.session.force(DEGRADED, driven.now)
    behaviour = driven.session.state.behaviour
    assert (behaviour.receive_every_ms, behaviour.send_every_ms) == (7 * SECOND, None)
    assert driven.session.state.handshake_due is None


@pytest.mark.parametrize("state", [state for state in Lifecycle if state is not OFFLINE])
def test_a_disconnected_session_is_silent_until_a_new_handshake(state: Lifecycle) -> None:
    driven = in_state(state)
    driven.session.disconnect(driven.now, "handover")
    assert driven.state is OFFLINE
    assert driven.causes()[-1] is e.Cause.DISCONNECTED
    assert acts(driven) == set()
    assert driven.after(3_600 * SECOND).state is OFFLINE
    driven.receive_handshake(id="h-2")
    assert driven.state is ACCEPTING


def test_disconnecting_twice_says_it_once() -> None:
    driven = online()
    driven.session.disconnect(driven.now)
    driven.session.disconnect(driven.now)
    assert driven.causes().count(e.Cause.DISCONNECTED) == 1


@pytest.mark.parametrize("type", [HEARTBEAT, FORECAST])
@pytest.mark.parametrize(("outcome", "status"), [(Outcome.FAILED, 0), (Outcome.REJECTED, 503)])
def test_a_partner_out_of_reach_degrades_the_session_and_one_that_answers_mends_it(
    type: MessageType, outcome: Outcome, status: int
) -> None:
    driven = online()
    driven.send(type, outcome, status)
    assert driven.state is DEGRADED
    driven.send(type, outcome, status)
    assert driven.causes().count(e.Cause.UNREACHABLE) == 1
    driven.send(HEARTBEAT)
    assert driven.state is ONLINE
    assert driven.causes()[-1] is e.Cause.REACHABLE_AGAIN


def test_by_policy_a_partner_out_of_reach_is_offline_at_once() -> None:
    driven = online(policy=e.Policy(unreachable=OFFLINE))
    driven.send(HEARTBEAT, Outcome.FAILED)
    assert driven.state is OFFLINE
    assert driven.causes()[-1] is e.Cause.UNREACHABLE


@pytest.mark.parametrize(
    ("type", "status", "state"), [(HEARTBEAT, 403, OFFLINE), (HEARTBEAT, 422, ONLINE), (FORECAST, 403, ONLINE)]
)
def test_only_a_heartbeat_that_is_refused_says_that_the_partner_is_offline(
    type: MessageType, status: int, state: Lifecycle
) -> None:
    driven = online()
    driven.send(type, Outcome.REJECTED, status)
    assert driven.state is state


@pytest.mark.parametrize(("outcome", "status"), [(Outcome.REJECTED, 403), (Outcome.FAILED, 0), (Outcome.REJECTED, 503)])
def test_what_became_of_a_message_of_an_earlier_connection_says_nothing_of_this_one(
    outcome: Outcome, status: int
) -> None:
    driven = online()
    late = driven.open(HEARTBEAT)
    driven.session.disconnect(driven.now)
    driven.after(SECOND)
    driven.receive_handshake(id="h-2")
    driven.send(ACKNOWLEDGE)
    driven.finish(late, HEARTBEAT, outcome, status)
    assert driven.state is ONLINE


def test_what_is_withheld_says_nothing_of_the_partner() -> None:
    driven = online()
    driven.send(HEARTBEAT, Outcome.WITHHELD)
    driven.send(FORECAST, Outcome.WITHHELD)
    assert driven.state is ONLINE
    assert driven.session.state.last_heartbeat_sent_at is None
    assert driven.session.state.forecasts == {}


def test_the_health_of_the_projection_follows_the_state() -> None:
    driven = in_state(DEGRADED)
    driven.session.disconnect(driven.now)
    healths = [event.health.value for event in driven.events(ProjectionStateChanged)]
    assert healths == ["CONNECTING", "UP", "IMPAIRED", "DOWN"]


# Forecasts and what the partner says of them


def test_only_an_accepted_forecast_is_the_active_one() -> None:
    driven = online()
    driven.send(FORECAST, Outcome.REJECTED, 422)
    assert driven.session.state.active == {}
    driven.send(FORECAST)
    first = driven.session.state.active["CONSUMPTION"]
    driven.send(FORECAST, Outcome.FAILED)
    assert driven.session.state.active["CONSUMPTION"] == first
    driven.send(FORECAST)
    second = driven.session.state.active["CONSUMPTION"]
    assert second != first
    assert list(driven.session.state.forecasts) == [first, second]


def test_a_session_remembers_a_bounded_number_of_forecasts_the_newest_ones() -> None:
    driven = online()
    for _ in range(300):
        driven.send(FORECAST)
    state = driven.session.state
    assert len(state.forecasts) == 256
    assert state.active["CONSUMPTION"] in state.forecasts


def test_the_whole_history_folds_to_the_same_state() -> None:
    driven = in_state(DEGRADED)
    driven.send(FORECAST)
    driven.after(60 * SECOND)
    again = OscpCapacityProviderSession("run-1", "configuration-1")
    again.fold(driven.session.pending)
    assert again.state == driven.session.state
    assert again.version == driven.session.version


def test_a_forced_state_lasts_until_the_protocol_moves_the_session_on() -> None:
    driven = online()
    driven.session.force(OFFLINE, driven.now, by="i-1")
    assert driven.session.state.forced == Forced("i-1", ONLINE)
    driven.session.force(ONLINE, driven.now, by="i-2")
    assert driven.session.state.forced == Forced("i-2", ONLINE), "it would be online without either"
    driven.send(HEARTBEAT, Outcome.FAILED)
    assert driven.session.state.forced == Forced("i-2", ONLINE), "degraded is online still"
    driven.session.detach(driven.now)
    assert driven.session.state.forced is None


def test_heartbeats_that_are_held_back_go_again_once_the_session_was_offline() -> None:
    driven = online()
    driven.session.switch_heartbeats(False, driven.now, "i-1")
    assert driven.session.state.heartbeats_held_by == "i-1"
    driven.session.disconnect(driven.now)
    assert (driven.session.state.sends_heartbeats, driven.session.state.heartbeats_held_by) == (True, "")
