"""The table of the lifecycle: a session is driven along every row of it, and held to its permissions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import product

import pytest

from depot_sim.domain.kernel.errors import CommandRefused
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.kernel.projection import ProjectionStateChanged
from depot_sim.domain.oscp import events as e
from depot_sim.domain.oscp.findings import Kind
from depot_sim.domain.oscp.ledger import entry_id_of, stream_of
from depot_sim.domain.oscp.lifecycle import (
    PARTNER_MAY_SEND,
    STATES,
    TRANSITIONS,
    WE_MAY_SEND,
    Transition,
    UndefinedTransition,
    transition,
)
from depot_sim.domain.oscp.receipt import Receipt
from depot_sim.domain.oscp.rules import Context, judge
from depot_sim.domain.oscp.vocabulary import Direction, Lifecycle, MessageType, Outcome, Validation
from tests.domain.oscp.driving import SECOND, Driven, online
from tests.domain.oscp.sessions import NOW, session

OFFLINE, ONLINE, DEGRADED = Lifecycle.OFFLINE, Lifecycle.ONLINE, Lifecycle.DEGRADED
ACCEPTING, AWAITING = Lifecycle.ACCEPTING_HANDSHAKE, Lifecycle.AWAITING_HANDSHAKE_ACKNOWLEDGE
HANDSHAKE, ACKNOWLEDGE = MessageType.HANDSHAKE, MessageType.HANDSHAKE_ACKNOWLEDGE
HEARTBEAT = MessageType.HEARTBEAT

Drive = Callable[[Driven, Transition], object]


# A session in the state where a row begins


def at_the_beginning_of(row: Transition) -> Driven:
    """A session in the row's state; our handshake of an awaiting session is still under way."""
    policy = e.Policy()
    if row.cause is e.Cause.UNREACHABLE and row.chosen_by:
        policy = e.Policy(unreachable=row.after)
    driven = online(policy=policy) if row.before in {ONLINE, DEGRADED} else Driven(policy=policy)
    match row.before:
        case Lifecycle.ACCEPTING_HANDSHAKE:
            driven.receive_handshake(id="the first")
        case Lifecycle.AWAITING_HANDSHAKE_ACKNOWLEDGE:
            driven.open(HANDSHAKE, 5 * SECOND)
        case Lifecycle.DEGRADED if policy.unreachable is DEGRADED:
            driven.send(HEARTBEAT, Outcome.FAILED)
        case Lifecycle.DEGRADED:
            driven.session.force(DEGRADED, driven.now)
    assert driven.state is row.before
    return driven


# What brings each cause about


def complete_handshake(driven: Driven, row: Transition) -> None:
    if row.before is ACCEPTING:
        driven.send(ACKNOWLEDGE)
    else:
        driven.receive_acknowledge()


def end_of_handshake(outcome: Outcome, status: int = 0) -> Drive:
    """Our part of the handshake comes to this end: our acknowledgement of theirs, or our own."""

    def end(driven: Driven, row: Transition) -> None:
        if row.before is ACCEPTING:
            driven.send(ACKNOWLEDGE, outcome, status)
        else:
            (entry,) = driven.session.state.open
            driven.finish(entry, HANDSHAKE, outcome, status)

    return end


def be_unreachable(driven: Driven, row: Transition) -> None:
    if row.before in {ONLINE, DEGRADED}:
        driven.send(HEARTBEAT, Outcome.FAILED)
    else:
        end_of_handshake(Outcome.FAILED)(driven, row)


def restart(driven: Driven, *_: object) -> None:
    driven.open(ACKNOWLEDGE)
    driven.session.recover(driven.now)


def unregister(driven: Driven, *_: object) -> None:
    entry = entry_id_of(stream_of("session-1", Direction.INBOUND, "bye"))
    outcome, validation = Outcome.ACCEPTED, Validation.ACCEPTED
    receipt = Receipt(MessageType.REGISTER, None, entry, "bye", "", outcome, validation, method="DELETE")
    driven.session.receive(receipt, driven.now)


BY: dict[e.Cause, tuple[Drive, type[Event] | None]] = {
    e.Cause.HANDSHAKE_RECEIVED: (lambda driven, _: driven.receive_handshake(id="another"), e.OscpHandshakeReceived),
    e.Cause.HANDSHAKE_SENT: (lambda driven, _: driven.open(HANDSHAKE), e.OscpMessageOpened),
    e.Cause.HANDSHAKE_COMPLETED: (complete_handshake, e.OscpBehaviourNegotiated),
    e.Cause.HANDSHAKE_REFUSED: (end_of_handshake(Outcome.REJECTED, 403), None),
    e.Cause.HANDSHAKE_TIMED_OUT: (lambda driven, _: driven.after(30 * SECOND), e.OscpSessionTimedOut),
    e.Cause.HEARTBEAT_EXPIRED: (lambda driven, _: driven.after(15 * SECOND), e.OscpSessionTimedOut),
    e.Cause.HEARTBEAT_REFUSED: (lambda driven, _: driven.send(HEARTBEAT, Outcome.REJECTED, 403), e.OscpHeartbeatSent),
    e.Cause.UNREACHABLE: (be_unreachable, None),
    e.Cause.REACHABLE_AGAIN: (lambda driven, _: driven.send(HEARTBEAT), e.OscpHeartbeatSent),
    e.Cause.DISCONNECTED: (lambda driven, _: driven.session.disconnect(driven.now), None),
    e.Cause.FORCED: (lambda driven, row: driven.session.force(row.after, driven.now), None),
    e.Cause.RESTARTED: (restart, e.OscpMessageClosed),
    e.Cause.UNREGISTERED: (unregister, e.OscpPartnerUnregistered),
    e.Cause.DETACHED: (lambda driven, _: driven.session.detach(driven.now), e.OscpProviderSessionDetached),
}
"""How a session meets the cause, and an event that says that it did, where there is one beside the transition."""


def named(row: Transition) -> str:
    return f"{row.before}-{row.cause}-{row.after}"


@pytest.mark.parametrize("row", TRANSITIONS, ids=named)
def test_a_session_follows_every_row(row: Transition) -> None:
    driven = at_the_beginning_of(row)
    known = len(driven.session.pending)
    drive, sign = BY[row.cause]
    drive(driven, row)

    new = driven.session.pending[known:]
    assert sign is None or any(isinstance(event, sign) for event in new)
    changes = [event for event in new if isinstance(event, e.OscpLifecycleChanged)]
    is_recorded = row.after is not row.before or row.cause is e.Cause.FORCED
    expected = [(row.before, row.cause, row.after)] if is_recorded else []
    assert [(change.before, change.cause, change.after) for change in changes] == expected
    assert driven.state is row.after

    was, becomes = STATES[row.before].health, STATES[row.after].health
    healths = [event.health for event in new if isinstance(event, ProjectionStateChanged)]
    assert healths == ([becomes] if was is not becomes else [])


def test_a_disconnect_is_recorded_of_a_session_that_went_offline_for_another_cause_once() -> None:
    driven = online()
    driven.after(15 * SECOND)
    for _ in range(2):
        driven.session.disconnect(driven.now)
    assert driven.causes()[-2:] == [e.Cause.HEARTBEAT_EXPIRED, e.Cause.DISCONNECTED]
    last = driven.events(e.OscpLifecycleChanged)[-1]
    assert (last.before, last.after) == (OFFLINE, OFFLINE)


# Whatever happens in whatever state

OURS = (HANDSHAKE, ACKNOWLEDGE, HEARTBEAT, MessageType.UPDATE_GROUP_CAPACITY_FORECAST)
ENDINGS = ((Outcome.ACCEPTED, 204), (Outcome.REJECTED, 403), (Outcome.REJECTED, 503), (Outcome.FAILED, 0))


Happen = Callable[[Driven], object]


def comes(type: MessageType) -> Happen:
    return lambda driven: driven.receive(type, None)


def goes(type: MessageType, outcome: Outcome, status: int) -> Happen:
    return lambda driven: driven.send(type, outcome, status)


def forced(state: Lifecycle) -> Happen:
    return lambda driven: driven.session.force(state, driven.now)


HAPPENINGS: dict[str, Happen] = {
    **{f"{type} comes": comes(type) for type in (HANDSHAKE, ACKNOWLEDGE)},
    **{f"{type} goes, {outcome} {status}": goes(type, outcome, status) for type in OURS for outcome, status in ENDINGS},
    **{f"forced {state}": forced(state) for state in Lifecycle},
    "unregistered": unregister,
    "disconnected": lambda driven: driven.session.disconnect(driven.now),
    "deleted": lambda driven: driven.session.detach(driven.now),
    "30 seconds pass": lambda driven: driven.after(30 * SECOND),
    "restarted": restart,
}
"""All that may change a session's state."""


@pytest.mark.parametrize("words", HAPPENINGS)
def test_nothing_happens_in_any_state_that_has_no_row(words: str) -> None:
    """Whatever the policy. UndefinedTransition would name the row that is missing."""
    rows = {(row.before, row.cause, row.after) for row in TRANSITIONS}
    for state, unreachable in product(Lifecycle, (DEGRADED, OFFLINE, ONLINE)):
        driven = Driven(policy=e.Policy(unreachable=unreachable))
        driven.session.force(state, driven.now)
        HAPPENINGS[words](driven)
        changes = driven.events(e.OscpLifecycleChanged)
        assert {(change.before, change.cause, change.after) for change in changes} <= rows


# The table itself


def test_every_cause_has_rows_and_every_state_a_way_out() -> None:
    assert {row.cause for row in TRANSITIONS} == set(e.Cause) == set(BY)
    assert {row.before for row in TRANSITIONS if row.after is not row.before} == set(STATES) == set(Lifecycle)


def test_no_two_rows_contradict_each_other() -> None:
    """Rows that differ in nothing but the next state say what chooses among them."""
    rows = Counter((row.before, row.cause, row.after) for row in TRANSITIONS)
    assert max(rows.values()) == 1
    starts = Counter((row.before, row.cause) for row in TRANSITIONS)
    assert [named(row) for row in TRANSITIONS if starts[row.before, row.cause] > 1 and not row.chosen_by] == []
    assert len({(row.before, row.cause, row.chosen_by) for row in TRANSITIONS}) == len(starts)


@pytest.mark.parametrize("row", TRANSITIONS, ids=named)
def test_every_row_gives_its_reason_in_a_sentence(row: Transition) -> None:
    assert row.why[0].isupper()
    assert row.why.endswith(".")


@pytest.mark.parametrize(
    ("before", "cause", "chosen"),
    [
        (OFFLINE, e.Cause.HEARTBEAT_EXPIRED, None),
        (ONLINE, e.Cause.HANDSHAKE_REFUSED, None),
        (ONLINE, e.Cause.UNREACHABLE, None),
        (ONLINE, e.Cause.UNREACHABLE, ACCEPTING),
        (OFFLINE, e.Cause.HANDSHAKE_SENT, AWAITING),
    ],
)
def test_a_transition_that_has_no_row_is_a_defect(before: Lifecycle, cause: e.Cause, chosen: Lifecycle | None) -> None:
    with pytest.raises(UndefinedTransition, match=f"from state {before.value} with cause {cause.value}"):
        transition(before, cause, chosen)


def test_a_session_that_meets_a_cause_without_a_row_records_nothing() -> None:
    driven = online(policy=e.Policy(unreachable=AWAITING))
    entry = driven.open(HEARTBEAT)
    with pytest.raises(UndefinedTransition, match="to awaiting_handshake_acknowledge from state online"):
        driven.finish(entry, HEARTBEAT, Outcome.FAILED)
    assert driven.state is ONLINE


# Messages


@pytest.mark.parametrize("state", Lifecycle)
@pytest.mark.parametrize("type", PARTNER_MAY_SEND)
def test_the_rules_refuse_the_partner_what_it_may_not_send(type: MessageType, state: Lifecycle) -> None:
    allowed = PARTNER_MAY_SEND[type]
    findings = judge(session(state), type, None, "", Context(NOW))
    broken = [finding.rule for finding in findings if finding.kind is Kind.LIFECYCLE]
    assert broken == ([] if state in allowed.states else [allowed.refusal])


@pytest.mark.parametrize("state", Lifecycle)
@pytest.mark.parametrize("type", [type for type in WE_MAY_SEND if type is not MessageType.REGISTER])
def test_the_session_refuses_commands_to_send_what_we_may_not_send(type: MessageType, state: Lifecycle) -> None:
    driven = Driven()
    driven.session.force(state, driven.now)
    allowed = WE_MAY_SEND[type]
    if state in allowed.states:
        driven.session.check_may_send(type)
    else:
        with pytest.raises(CommandRefused) as refused:
            driven.session.check_may_send(type)
        assert (refused.value.detail, refused.value.hint) == (f"the session is {state.value}", allowed.refusal)


def test_every_message_may_be_sent_by_somebody_and_every_refusal_says_something() -> None:
    assert PARTNER_MAY_SEND.keys() | WE_MAY_SEND.keys() == set(MessageType)
    permissions = (*PARTNER_MAY_SEND.values(), *WE_MAY_SEND.values())
    assert all(allowed.refusal for allowed in permissions if allowed.states != set(Lifecycle))
