"""Which messages a forced state changes: those whose permission is another than in the state without force."""

from __future__ import annotations

import pytest

from depot_sim.domain.interaction.treatment import UNMARKED, Marks
from depot_sim.domain.oscp.forcing import allowed_by, marks_of_received
from depot_sim.domain.oscp.lifecycle import PARTNER_MAY_SEND, WE_MAY_SEND
from depot_sim.domain.oscp.state import Forced, SessionState
from depot_sim.domain.oscp.verdict import ACCEPTED, FORBIDDEN, Verdict
from depot_sim.domain.oscp.vocabulary import Lifecycle, MessageType, Outcome, Validation

HEARTBEAT, HANDSHAKE = MessageType.HEARTBEAT, MessageType.HANDSHAKE
OFFLINE, ONLINE, DEGRADED = Lifecycle.OFFLINE, Lifecycle.ONLINE, Lifecycle.DEGRADED
TAKEN = Verdict(ACCEPTED, Outcome.ACCEPTED, Validation.ACCEPTED)


def forced(state: Lifecycle, otherwise: Lifecycle) -> SessionState:
    return SessionState(lifecycle=state, forced=Forced("i-1", otherwise))


def refused(rule: str) -> Verdict:
    return Verdict(FORBIDDEN, Outcome.REJECTED, Validation.REJECTED, rule)


@pytest.mark.parametrize(
    ("type", "state", "otherwise", "decided", "marks"),
    [
        (HEARTBEAT, OFFLINE, ONLINE, refused("session.not-online"), Marks(("i-1",))),
        (HEARTBEAT, OFFLINE, ONLINE, refused("override.reject"), Marks((), ("i-1",))),
        (HEARTBEAT, ONLINE, OFFLINE, TAKEN, Marks(("i-1",))),
        (HEARTBEAT, ONLINE, OFFLINE, refused("heartbeat.in-the-past"), Marks((), ("i-1",))),
        (HEARTBEAT, ONLINE, DEGRADED, TAKEN, UNMARKED),
        (HANDSHAKE, ONLINE, OFFLINE, refused("handshake.not-offline"), Marks(("i-1",))),
        (HANDSHAKE, OFFLINE, ONLINE, TAKEN, Marks(("i-1",))),
        (MessageType.REGISTER, ONLINE, OFFLINE, TAKEN, UNMARKED),
    ],
)
def test_a_message_of_the_partner_is_changed_where_the_forced_state_decides(
    type: MessageType, state: Lifecycle, otherwise: Lifecycle, decided: Verdict, marks: Marks
) -> None:
    assert marks_of_received(forced(state, otherwise), type, decided) == marks


@pytest.mark.parametrize("type", MessageType)
def test_without_force_nothing_is_marked(type: MessageType) -> None:
    for lifecycle in Lifecycle:
        state = SessionState(lifecycle=lifecycle)
        assert allowed_by(state, type) == ""
        allowed = PARTNER_MAY_SEND.get(type)
        assert marks_of_received(state, type, refused(allowed.refusal if allowed else "")) == UNMARKED


@pytest.mark.parametrize("type", WE_MAY_SEND)
def test_a_message_of_ours_names_the_force_only_where_it_would_not_be_allowed_without(type: MessageType) -> None:
    for state in Lifecycle:
        for otherwise in Lifecycle:
            allowed = WE_MAY_SEND[type].states
            expected = "i-1" if state in allowed and otherwise not in allowed else ""
            assert allowed_by(forced(state, otherwise), type) == expected
