"""Negotiation and time: two independent rates, liveness by offline_mode_at, handshakes that take too long, restarts."""

from __future__ import annotations

import msgspec
import pytest

from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.oscp import events as e
from depot_sim.domain.oscp.due import Act, Due, agenda, due_now, next_due
from depot_sim.domain.oscp.profiles import BETTERFLEET_VECTOR, OCA_2_0, derived
from depot_sim.domain.oscp.vocabulary import (
    Direction,
    ForecastType,
    Lifecycle,
    MeasurementConfiguration,
    MessageType,
    Outcome,
)
from tests.domain.oscp.driving import BLOCKS, SECOND, Driven, online
from tests.domain.oscp.sessions import QUARTER, TEN

HANDSHAKE, ACKNOWLEDGE = MessageType.HANDSHAKE, MessageType.HANDSHAKE_ACKNOWLEDGE
HEARTBEAT = MessageType.HEARTBEAT


def rates(driven: Driven) -> tuple[int | None, int | None]:
    """How often a heartbeat is received and sent."""
    behaviour = driven.session.state.behaviour
    return behaviour.receive_every_ms, behaviour.send_every_ms


def due(driven: Driven, act: Act) -> int | None:
    return next((due.at for due in agenda(driven.session.state) if due.act is act), None)


# Negotiation


def test_each_side_says_how_often_it_wants_to_hear_the_other_when_the_partner_begins() -> None:
    driven = Driven()
    driven.receive_handshake(every_ms=60 * SECOND)
    driven.send(ACKNOWLEDGE, wants_ms=7 * SECOND)
    assert rates(driven) == (7 * SECOND, 60 * SECOND)


def test_each_side_says_how_often_it_wants_to_hear_the_other_when_we_begin() -> None:
    driven = Driven()
    driven.send(HANDSHAKE, wants_ms=5 * SECOND)
    driven.receive_acknowledge(every_ms=20 * SECOND)
    assert rates(driven) == (5 * SECOND, 20 * SECOND)


def test_a_partner_that_does_not_say_gets_as_many_heartbeats_as_it_was_asked_for() -> None:
    assert rates(online(receive_ms=7 * SECOND, send_ms=None)) == (7 * SECOND, 7 * SECOND)


def test_by_the_standard_a_partner_that_does_not_say_gets_none() -> None:
    driven = online(receive_ms=7 * SECOND, send_ms=None, profile=OCA_2_0)
    assert rates(driven) == (7 * SECOND, None)
    assert due(driven, Act.HEARTBEAT) is None


def test_who_asks_for_no_heartbeats_does_not_time_the_partner_out() -> None:
    driven = online(receive_ms=None, send_ms=5 * SECOND)
    assert rates(driven) == (None, 5 * SECOND)
    assert due(driven, Act.TIME_OUT) is None
    assert driven.after(3_600 * SECOND).state is Lifecycle.ONLINE


def test_a_partner_nobody_asked_is_still_held_to_the_heartbeats_it_sends() -> None:
    driven = online(receive_ms=None, send_ms=5 * SECOND)
    driven.receive_heartbeat(good_for_ms=10 * SECOND)
    assert driven.after(10 * SECOND).state is Lifecycle.OFFLINE


def test_what_was_negotiated_is_kept_with_the_sessions_own_measurement_configuration() -> None:
    driven = online(measurement_configuration=MeasurementConfiguration.CONTINUOUS)
    negotiated = driven.events(e.OscpBehaviourNegotiated)[-1]
    assert negotiated.measurement_configuration is MeasurementConfiguration.CONTINUOUS


def test_a_new_handshake_replaces_the_rates_of_the_one_before() -> None:
    driven = online(receive_ms=7 * SECOND, send_ms=9 * SECOND)
    driven.session.disconnect(driven.now)
    driven.send(HANDSHAKE, wants_ms=None)
    driven.receive_acknowledge(every_ms=None)
    assert rates(driven) == (None, None)
    assert list(agenda(driven.session.state)) == []


# Our heartbeats


def test_the_first_heartbeat_is_due_at_once_and_the_next_one_an_interval_after_each() -> None:
    driven = online(send_ms=5 * SECOND)
    assert due(driven, Act.HEARTBEAT) == driven.now
    driven.send(HEARTBEAT)
    assert due(driven, Act.HEARTBEAT) == driven.now + 5 * SECOND


def test_a_heartbeat_under_way_is_not_due_again() -> None:
    driven = online()
    driven.open(HEARTBEAT)
    assert Act.HEARTBEAT not in {due.act for due in due_now(driven.session.state, driven.now)}


def test_heartbeats_that_are_held_back_are_due_at_once_when_they_may_go_again() -> None:
    driven = online()
    driven.session.switch_heartbeats(False, driven.now)
    assert due(driven, Act.HEARTBEAT) is None
    driven.receive_heartbeat(60 * SECOND)
    driven.after(30 * SECOND)
    driven.session.switch_heartbeats(True, driven.now)
    assert [one.act for one in due_now(driven.session.state, driven.now)] == [Act.HEARTBEAT]


def test_holding_back_what_is_held_back_says_nothing() -> None:
    driven = online()
    driven.session.switch_heartbeats(True, driven.now)
    assert driven.events(e.OscpHeartbeatsSwitched) == []


def test_a_degraded_session_goes_on_sending_heartbeats() -> None:
    driven = online()
    driven.send(HEARTBEAT, Outcome.FAILED)
    assert due(driven, Act.HEARTBEAT) == driven.now + 5 * SECOND


# The partner's heartbeats


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_after_the_handshake_the_partner_has_as_long_as_a_heartbeat_of_ours_would_be_good_for(factor: int) -> None:
    profile = derived(BETTERFLEET_VECTOR, {"heartbeat_factor": factor})
    driven = online(receive_ms=5 * SECOND, profile=profile)
    assert due(driven, Act.TIME_OUT) == TEN + factor * 5 * SECOND


def test_the_partner_is_offline_the_moment_its_last_heartbeat_said_and_not_before() -> None:
    driven = online()
    driven.receive_heartbeat(good_for_ms=12 * SECOND)
    assert driven.after(12 * SECOND - 1).state is Lifecycle.ONLINE
    assert driven.after(1).state is Lifecycle.OFFLINE
    timed_out = driven.events(e.OscpSessionTimedOut)[-1]
    assert (timed_out.waited_for, timed_out.due) == (e.TimedOut.HEARTBEAT, driven.now)
    assert driven.causes()[-1] is e.Cause.HEARTBEAT_EXPIRED


def test_a_newer_heartbeat_counts_even_if_it_promises_less() -> None:
    driven = online()
    driven.receive_heartbeat(good_for_ms=60 * SECOND)
    driven.receive_heartbeat(good_for_ms=2 * SECOND)
    assert driven.after(2 * SECOND).state is Lifecycle.OFFLINE


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.IGNORED])
def test_a_heartbeat_that_is_not_accepted_keeps_nobody_alive(outcome: Outcome) -> None:
    driven = online()
    driven.receive_heartbeat(60 * SECOND, outcome)
    assert driven.after(15 * SECOND).state is Lifecycle.OFFLINE


def test_a_degraded_session_ends_like_an_online_one_when_the_partner_is_silent() -> None:
    driven = online()
    driven.send(HEARTBEAT, Outcome.FAILED)
    assert driven.after(15 * SECOND).state is Lifecycle.OFFLINE


def test_a_heartbeat_that_comes_after_the_end_does_not_bring_the_session_back() -> None:
    driven = online().after(15 * SECOND)
    driven.receive_heartbeat(60 * SECOND)
    assert driven.state is Lifecycle.OFFLINE
    assert list(agenda(driven.session.state)) == []


def test_time_that_passes_without_anything_due_leaves_no_trace() -> None:
    driven = online()
    written = len(driven.session.pending)
    driven.after(SECOND).after(SECOND)
    assert len(driven.session.pending) == written


# Handshakes that take too long


@pytest.mark.parametrize("begins", ["ours", "theirs", "theirs, acknowledged"])
def test_a_handshake_that_is_not_completed_in_time_is_over(begins: str) -> None:
    driven = Driven(policy=e.Policy(handshake_timeout_ms=8 * SECOND))
    if begins == "ours":
        driven.send(HANDSHAKE)
    else:
        driven.receive_handshake()
    if begins == "theirs, acknowledged":
        driven.send(ACKNOWLEDGE, Outcome.WITHHELD)
    assert driven.after(8 * SECOND - 1).state is not Lifecycle.OFFLINE
    assert driven.after(1).state is Lifecycle.OFFLINE
    assert driven.events(e.OscpSessionTimedOut)[-1].waited_for is e.TimedOut.HANDSHAKE_ACKNOWLEDGE
    assert driven.causes()[-1] is e.Cause.HANDSHAKE_TIMED_OUT


def test_a_handshake_that_timed_out_is_begun_anew_only_when_somebody_asks() -> None:
    driven = Driven()
    driven.send(HANDSHAKE)
    assert driven.after(3_600 * SECOND).state is Lifecycle.OFFLINE
    assert next_due(driven.session.state) is None
    driven.session.check_may_send(HANDSHAKE)


def test_the_sooner_of_several_things_due_comes_first() -> None:
    driven = online(receive_ms=5 * SECOND, send_ms=20 * SECOND)
    driven.send(HEARTBEAT)
    now = driven.now + 60 * SECOND
    assert [due.act for due in due_now(driven.session.state, now)] == [Act.TIME_OUT, Act.HEARTBEAT]
    assert next_due(driven.session.state) == TEN + 15 * SECOND


# Plans


def planned(driven: Driven, in_ms: int = QUARTER, **changes: object) -> str:
    plan_id = driven.session.next_plan_id()
    due = driven.now + in_ms
    plan = e.OscpForecastPlanned(driven.now, plan_id, due, ForecastType.CONSUMPTION, BLOCKS)
    driven.session.plan(msgspec.structs.replace(plan, **changes))
    return plan_id


def test_a_plan_is_carried_out_once_and_is_over() -> None:
    driven = online()
    plan_id = planned(driven)
    assert Due(driven.now + QUARTER, Act.FORECAST, plan_id) in agenda(driven.session.state)
    forecast = driven.session.carry_out_plan(plan_id, driven.now + QUARTER)
    assert (forecast.group_id, forecast.blocks) == ("group-1", BLOCKS)
    assert driven.session.state.plans == {}


def test_a_repeating_plan_moves_on_with_its_blocks_until_it_was_sent_often_enough() -> None:
    driven = online()
    plan_id = planned(driven, every_ms=QUARTER, times=3)
    starts = []
    for _ in range(3):
        due = driven.session.state.plans[plan_id].due
        starts.append(driven.session.carry_out_plan(plan_id, due).blocks[0].start)
    assert starts == [TEN, TEN + QUARTER, TEN + 2 * QUARTER]
    assert driven.session.state.plans == {}


def test_a_plan_without_an_end_that_is_not_relative_repeats_the_same_blocks() -> None:
    driven = online()
    plan_id = planned(driven, every_ms=QUARTER, times=0, relative=False)
    for _ in range(5):
        due = driven.session.state.plans[plan_id].due
        assert driven.session.carry_out_plan(plan_id, due).blocks == BLOCKS
    assert driven.session.state.plans[plan_id].times == 0


def test_a_plan_that_is_late_is_carried_out_once_and_not_for_every_repetition_missed() -> None:
    driven = online()
    plan_id = planned(driven, in_ms=0, every_ms=QUARTER, times=0)
    late = driven.now + 3 * QUARTER + 1
    driven.session.carry_out_plan(plan_id, late)
    plan = driven.session.state.plans[plan_id]
    assert plan.due == driven.now + 4 * QUARTER
    assert plan.blocks[0].start == TEN + 4 * QUARTER


def test_a_plan_waits_while_the_session_is_offline() -> None:
    driven = Driven()
    planned(driven, in_ms=0)
    assert due_now(driven.session.state, driven.now) == []


def test_a_plan_can_be_called_off_once() -> None:
    driven = online()
    plan_id = planned(driven)
    driven.session.end_plan(plan_id, driven.now, "called off")
    assert due(driven, Act.FORECAST) is None
    with pytest.raises(NotFound, match=plan_id):
        driven.session.end_plan(plan_id, driven.now, "called off")


def test_plans_have_ids_of_their_own_for_ever() -> None:
    driven = online()
    first = planned(driven)
    driven.session.end_plan(first, driven.now, "called off")
    assert planned(driven) != first


# Restarts


def test_after_a_restart_what_was_under_way_is_indeterminate() -> None:
    driven = online()
    entry = driven.open(HEARTBEAT)
    interrupted = driven.session.recover(driven.now)
    assert [opened.entry_id for opened in interrupted] == [entry]
    assert driven.events(e.OscpMessageClosed)[-1].outcome is Outcome.INDETERMINATE
    assert driven.session.state.open == {}
    assert driven.state is Lifecycle.ONLINE
    assert driven.session.recover(driven.now) == []


def test_what_somebody_still_looks_after_is_left_alone() -> None:
    driven = online()
    entry = driven.open(HEARTBEAT)
    assert driven.session.recover(driven.now, {entry}) == []
    driven.finish(entry, HEARTBEAT, Outcome.FAILED)
    assert driven.state is Lifecycle.DEGRADED


def test_an_acknowledgement_in_doubt_ends_the_handshake() -> None:
    driven = Driven()
    driven.receive_handshake()
    driven.open(ACKNOWLEDGE)
    driven.session.recover(driven.now)
    assert driven.state is Lifecycle.OFFLINE
    assert driven.causes()[-1] is e.Cause.RESTARTED


def test_a_handshake_that_was_not_acknowledged_yet_is_acknowledged_after_the_restart() -> None:
    driven = Driven()
    driven.receive_handshake()
    driven.session.recover(driven.now)
    assert Act.ACKNOWLEDGE in {due.act for due in due_now(driven.session.state, driven.now)}


def test_our_handshake_in_doubt_goes_on_waiting_for_its_acknowledgement() -> None:
    driven = Driven()
    driven.open(HANDSHAKE)
    driven.session.recover(driven.now)
    assert driven.state is Lifecycle.AWAITING_HANDSHAKE_ACKNOWLEDGE
    assert driven.after(30 * SECOND).state is Lifecycle.OFFLINE


@pytest.mark.parametrize(("away_ms", "state"), [(14 * SECOND, Lifecycle.ONLINE), (15 * SECOND, Lifecycle.OFFLINE)])
def test_only_a_session_whose_timers_are_still_valid_goes_on_after_a_restart(away_ms: int, state: Lifecycle) -> None:
    driven = online()
    driven.now += away_ms
    driven.session.recover(driven.now)
    assert driven.state is state


def test_a_message_received_late_is_closed_by_its_own_event() -> None:
    driven = online()
    opened = e.OscpMessageOpened(driven.now, "entry", "stream", Direction.INBOUND, HEARTBEAT, "theirs")
    driven.session.open(opened)
    sent = driven.session.state.sent
    assert driven.session.recover(driven.now) == [opened]
    assert driven.session.state.sent == sent
    assert driven.state is Lifecycle.ONLINE
