"""A body that cannot be read, with valid headers: the rules that need no body still apply, in every state."""

from __future__ import annotations

import pytest

from depot_sim.domain.oscp.rules import Context, judge
from depot_sim.domain.oscp.vocabulary import LIVE, Lifecycle, MessageType
from depot_sim.domain.oscp.wire.messages import Block
from tests.domain.oscp.sessions import NOW, QUARTER, TEN, published, session

TAKEN_IN = {
    MessageType.HANDSHAKE: ({Lifecycle.OFFLINE}, "handshake.not-offline"),
    MessageType.HANDSHAKE_ACKNOWLEDGE: ({Lifecycle.AWAITING_HANDSHAKE_ACKNOWLEDGE}, "acknowledge.not-awaited"),
    MessageType.HEARTBEAT: (LIVE, "session.not-online"),
    MessageType.UPDATE_GROUP_MEASUREMENTS: (LIVE, "session.not-online"),
    MessageType.UPDATE_ASSET_MEASUREMENTS: (LIVE, "session.not-online"),
    MessageType.ADJUST_GROUP_CAPACITY_FORECAST: (LIVE, "session.not-online"),
    MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR: (LIVE, "session.not-online"),
}
"""Per type: the states that take it, and the finding in the others."""
HANDSHAKE_ID, FORECAST_ID = "h-1", "f1"
WRONG_ID = {
    MessageType.HANDSHAKE_ACKNOWLEDGE: "acknowledge.other-handshake",
    MessageType.ADJUST_GROUP_CAPACITY_FORECAST: "adjustment.unknown-forecast",
    MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR: "compliance.unknown-forecast",
}
NO_ID = {
    MessageType.HANDSHAKE_ACKNOWLEDGE: "acknowledge.correlation-missing",
    MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR: "compliance.correlation-missing",
}


def unreadable(type: MessageType, state: Lifecycle, correlation_id: str) -> list[str]:
    judged = published(session(state), FORECAST_ID, Block(TEN, TEN + 4 * QUARTER, 1))
    judged.handshake_id = HANDSHAKE_ID
    return [finding.rule for finding in judge(judged, type, None, correlation_id, Context(NOW))]


def right_id(type: MessageType) -> str:
    return HANDSHAKE_ID if type is MessageType.HANDSHAKE_ACKNOWLEDGE else FORECAST_ID


@pytest.mark.parametrize("type", TAKEN_IN, ids=str)
def test_the_state_is_judged_without_a_body(type: MessageType) -> None:
    taken_in, rule = TAKEN_IN[type]
    other_mode = {"binding.publication-mode"} if type is MessageType.UPDATE_ASSET_MEASUREMENTS else set()
    for state in Lifecycle:
        expected = (set() if state in taken_in else {rule}) | other_mode
        assert set(unreadable(type, state, right_id(type))) == expected, state


@pytest.mark.parametrize("type", TAKEN_IN, ids=str)
def test_the_correlation_is_judged_without_a_body(type: MessageType) -> None:
    [state] = {*TAKEN_IN[type][0]} - {Lifecycle.DEGRADED}
    without = set(unreadable(type, state, right_id(type)))
    assert set(unreadable(type, state, "x-0")) - without == ({WRONG_ID[type]} if type in WRONG_ID else set())
    assert set(unreadable(type, state, "")) - without == ({NO_ID[type]} if type in NO_ID else set())


def test_a_register_that_cannot_be_read_has_no_findings_of_the_rules() -> None:
    for state in Lifecycle:
        assert unreadable(MessageType.REGISTER, state, "") == []


@pytest.mark.parametrize("type", MessageType, ids=str)
def test_a_session_that_has_ended_takes_no_type_of_message(type: MessageType) -> None:
    state = session()
    state.detached = True
    assert judge(state, type, None, "", Context(NOW))[0].rule == "session.ended"
