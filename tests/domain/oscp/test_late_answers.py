"""Answers that come after the end of their message, their connection or their session."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from depot_sim.domain.oscp import events as e
from depot_sim.domain.oscp.session import OscpCapacityProviderSession
from depot_sim.domain.oscp.vocabulary import Lifecycle, MessageType, Outcome
from tests.domain.oscp.driving import Driven, online
from tests.domain.oscp.sessions import ATTACHED

SENT = (
    MessageType.REGISTER,
    MessageType.HANDSHAKE,
    MessageType.HANDSHAKE_ACKNOWLEDGE,
    MessageType.HEARTBEAT,
    MessageType.UPDATE_GROUP_CAPACITY_FORECAST,
)
ENDS: dict[str, Callable[[Driven, str], object]] = {
    "recovered": lambda driven, _: driven.session.recover(driven.now),
    "closed": lambda driven, entry: driven.session.close(entry, Outcome.ACCEPTED, driven.now),
    "finished": lambda driven, entry: driven.finish(entry, MessageType.HEARTBEAT, Outcome.WITHHELD),
}


def state_of(driven: Driven) -> bytes:
    return msgspec.json.encode(driven.session.state)


def folded_anew(driven: Driven) -> bytes:
    again = OscpCapacityProviderSession("run-1", "configuration-1")
    again.fold(driven.events())
    return msgspec.json.encode(again.state)


@pytest.mark.parametrize("outcome", Outcome, ids=str)
@pytest.mark.parametrize("type", SENT, ids=str)
@pytest.mark.parametrize("end", ENDS)
def test_a_late_answer_to_a_message_that_has_ended_changes_nothing(
    end: str, type: MessageType, outcome: Outcome
) -> None:
    """After a takeover, the process that lost the run may still get the answer to what it sent."""
    driven = online()
    entry = driven.open(type)
    ENDS[end](driven, entry)
    before, count = state_of(driven), len(driven.events())
    driven.finish(entry, type, outcome, 403)
    assert state_of(driven) == before
    assert len(driven.events()) == count


@pytest.mark.parametrize("outcome", Outcome, ids=str)
@pytest.mark.parametrize("type", SENT, ids=str)
def test_the_end_of_a_message_after_the_detachment_does_not_bring_the_session_back(
    type: MessageType, outcome: Outcome
) -> None:
    driven = online()
    entry = driven.open(type)
    driven.session.detach(driven.now)
    driven.finish(entry, type, outcome, 403)
    assert driven.session.state.detached
    assert driven.state is Lifecycle.OFFLINE
    assert driven.session.state.open == {}
    assert folded_anew(driven) == state_of(driven)


@pytest.mark.parametrize("outcome", Outcome, ids=str)
@pytest.mark.parametrize("type", SENT, ids=str)
def test_the_end_of_a_message_of_an_earlier_attachment_does_not_move_the_present_one(
    type: MessageType, outcome: Outcome
) -> None:
    driven = online()
    entry = driven.open(type)
    driven.session.detach(driven.now)
    driven.session.attach(ATTACHED)
    count = len(driven.events())
    driven.finish(entry, type, outcome, 403)
    assert driven.events()[count:] == [e.OscpMessageClosed(driven.now, entry, outcome)]
    assert driven.session.state.open == {}
    assert folded_anew(driven) == state_of(driven)

    driven.finish(driven.open(MessageType.UPDATE_GROUP_CAPACITY_FORECAST), MessageType.UPDATE_GROUP_CAPACITY_FORECAST)
    assert len(driven.session.state.active) == 1, "what the present attachment sends counts"


def test_time_and_recovery_after_the_detachment_do_nothing() -> None:
    driven = online()
    driven.session.detach(driven.now)
    count = len(driven.events())
    driven.after(3_600_000)
    assert driven.session.recover(driven.now) == []
    assert len(driven.events()) == count


def test_recovery_after_the_detachment_closes_what_was_under_way_and_moves_nothing() -> None:
    driven = online()
    driven.open(MessageType.HEARTBEAT)
    driven.session.detach(driven.now)
    causes = driven.causes()
    assert len(driven.session.recover(driven.now)) == 1
    assert [event.outcome for event in driven.events(e.OscpMessageClosed)] == [Outcome.INDETERMINATE]
    assert driven.causes() == causes
