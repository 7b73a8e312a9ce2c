"""Which state of the session takes which message."""

from __future__ import annotations

import pytest

from depot_sim.domain.oscp.findings import Kind
from depot_sim.domain.oscp.rules import Context, judge
from depot_sim.domain.oscp.vocabulary import Lifecycle, MessageType
from depot_sim.domain.oscp.wire.messages import Handshake, HandshakeAcknowledge, Heartbeat, Message
from tests.domain.oscp.sessions import NOW, rules, session

TAKEN_IN = {
    MessageType.HANDSHAKE: {Lifecycle.OFFLINE},
    MessageType.HANDSHAKE_ACKNOWLEDGE: {Lifecycle.AWAITING_HANDSHAKE_ACKNOWLEDGE},
    MessageType.HEARTBEAT: {Lifecycle.ONLINE, Lifecycle.DEGRADED},
    MessageType.UPDATE_GROUP_MEASUREMENTS: {Lifecycle.ONLINE, Lifecycle.DEGRADED},
    MessageType.UPDATE_ASSET_MEASUREMENTS: {Lifecycle.ONLINE, Lifecycle.DEGRADED},
    MessageType.ADJUST_GROUP_CAPACITY_FORECAST: {Lifecycle.ONLINE, Lifecycle.DEGRADED},
    MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR: {Lifecycle.ONLINE, Lifecycle.DEGRADED},
    MessageType.REGISTER: set(Lifecycle),
}


@pytest.mark.parametrize("lifecycle", Lifecycle)
@pytest.mark.parametrize("type", TAKEN_IN)
def test_a_message_is_taken_in_its_states_only(type: MessageType, lifecycle: Lifecycle) -> None:
    """Even of a body that nobody could read the state is judged."""
    findings = judge(session(lifecycle), type, None, "", Context(NOW))
    refused = [finding for finding in findings if finding.kind is Kind.LIFECYCLE]
    assert (not refused) == (lifecycle in TAKEN_IN[type])


@pytest.mark.parametrize(
    ("ahead", "failed"), [(1, []), (0, ["heartbeat.in-the-past"]), (-1, ["heartbeat.in-the-past"])]
)
def test_a_heartbeat_promises_a_moment_after_now(ahead: int, failed: list[str]) -> None:
    assert rules(session(), MessageType.HEARTBEAT, Heartbeat(NOW + ahead)) == failed


@pytest.mark.parametrize(
    ("type", "message", "failed"),
    [
        (MessageType.HANDSHAKE, Handshake(), ["handshake.not-offline"]),
        (MessageType.HANDSHAKE_ACKNOWLEDGE, HandshakeAcknowledge(), ["acknowledge.not-awaited"]),
    ],
)
def test_an_online_session_takes_no_part_of_a_handshake(type: MessageType, message: Message, failed: list[str]) -> None:
    assert rules(session(), type, message) == failed


def test_every_failed_rule_is_told() -> None:
    state = session(Lifecycle.OFFLINE)
    assert rules(state, MessageType.HEARTBEAT, Heartbeat(0)) == ["session.not-online", "heartbeat.in-the-past"]
