"""What a handshake and its acknowledgement have to say."""

from __future__ import annotations

import msgspec
import pytest

from depot_sim.domain.oscp.profile import Presence
from depot_sim.domain.oscp.profiles import BETTERFLEET_VECTOR
from depot_sim.domain.oscp.state import SessionState
from depot_sim.domain.oscp.vocabulary import Lifecycle, MeasurementConfiguration, MessageType
from depot_sim.domain.oscp.wire.messages import Handshake, HandshakeAcknowledge, RequiredBehaviour
from tests.domain.oscp.sessions import rules, session

CONTINUOUS, INTERMITTENT = MeasurementConfiguration.CONTINUOUS, MeasurementConfiguration.INTERMITTENT
FORGIVING = msgspec.structs.replace(BETTERFLEET_VECTOR, acknowledge_correlation=Presence.OPTIONAL)


def awaiting(handshake_id: str = "handshake-1") -> SessionState:
    state = session(Lifecycle.AWAITING_HANDSHAKE_ACKNOWLEDGE)
    state.handshake_id = handshake_id
    return state


@pytest.mark.parametrize(
    ("asked", "failed"),
    [
        ((), []),
        ((INTERMITTENT,), []),
        ((CONTINUOUS, INTERMITTENT), []),
        ((CONTINUOUS,), ["handshake.measurement-configuration"]),
    ],
)
def test_both_sides_mean_the_same_registers(asked: tuple[MeasurementConfiguration, ...], failed: list[str]) -> None:
    behaviour = RequiredBehaviour(5_000, asked)
    assert rules(session(Lifecycle.OFFLINE), MessageType.HANDSHAKE, Handshake(behaviour)) == failed
    answer = HandshakeAcknowledge(behaviour)
    assert rules(awaiting(), MessageType.HANDSHAKE_ACKNOWLEDGE, answer, "handshake-1") == failed


@pytest.mark.parametrize(
    ("named", "failed"),
    [
        ("handshake-1", []),
        ("handshake-0", ["acknowledge.other-handshake"]),
        ("", ["acknowledge.correlation-missing"]),
    ],
)
def test_an_acknowledgement_names_the_handshake_under_way(named: str, failed: list[str]) -> None:
    assert rules(awaiting(), MessageType.HANDSHAKE_ACKNOWLEDGE, HandshakeAcknowledge(), named) == failed


def test_a_profile_may_let_an_acknowledgement_name_none() -> None:
    state = session(Lifecycle.AWAITING_HANDSHAKE_ACKNOWLEDGE, profile=FORGIVING)
    state.handshake_id = "handshake-1"
    assert rules(state, MessageType.HANDSHAKE_ACKNOWLEDGE, HandshakeAcknowledge()) == []


def test_a_session_put_to_waiting_by_hand_takes_any_acknowledgement() -> None:
    assert rules(awaiting(""), MessageType.HANDSHAKE_ACKNOWLEDGE, HandshakeAcknowledge(), "anything") == []
