"""One stream per message: recorded once, finalised once, under a name that foreign text cannot break."""

from __future__ import annotations

from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.kernel.errors import Conflict
from depot_sim.domain.oscp.ledger import (
    OscpMessageFinalised,
    OscpMessageHandled,
    OscpMessageLedgerEntry,
    OscpMessageRecorded,
    entry_id_of,
    request_id_of,
    session_id_in,
    stream_of,
)
from depot_sim.domain.oscp.vocabulary import Direction, MessageType, Outcome

STREAM = stream_of("session-1", Direction.INBOUND, "m-1")
RECORDED = OscpMessageRecorded(
    at=5,
    entry_id=entry_id_of(STREAM),
    session_id="session-1",
    run_id="run-1",
    configuration_id="c-1",
    direction=Direction.INBOUND,
    message_type=MessageType.HEARTBEAT,
    request_id="m-1",
    correlation_id="",
    url="heartbeat",
    headers=(),
    body="{}",
    body_bytes=2,
)
FINALISED = OscpMessageFinalised(6, Outcome.ACCEPTED)


def test_an_entry_is_recorded_and_then_finalised() -> None:
    entry = OscpMessageLedgerEntry(STREAM)
    entry.record(RECORDED)
    entry.finalise(FINALISED)
    assert (entry.state.recorded, entry.state.finalised, entry.version) == (RECORDED, FINALISED, 2)


def test_an_entry_is_recorded_once() -> None:
    entry = OscpMessageLedgerEntry(STREAM)
    entry.record(RECORDED)
    with pytest.raises(Conflict, match="recorded already"):
        entry.record(RECORDED)


def test_an_entry_whose_outcome_is_known_at_once_is_one_event() -> None:
    entry = OscpMessageLedgerEntry(STREAM)
    entry.handle(RECORDED, FINALISED)
    assert (entry.state.recorded, entry.state.finalised, entry.version) == (RECORDED, FINALISED, 1)
    assert entry.pending == [OscpMessageHandled(RECORDED, FINALISED)]


def test_an_entry_that_was_handled_is_neither_recorded_nor_finalised_again() -> None:
    entry = OscpMessageLedgerEntry(STREAM)
    entry.fold([OscpMessageHandled(RECORDED, FINALISED)])
    with pytest.raises(Conflict, match="recorded already"):
        entry.handle(RECORDED, FINALISED)
    with pytest.raises(Conflict, match="recorded already"):
        entry.record(RECORDED)
    with pytest.raises(Conflict, match="not finalised"):
        entry.finalise(FINALISED)


def test_only_what_is_recorded_can_be_finalised() -> None:
    with pytest.raises(Conflict):
        OscpMessageLedgerEntry(STREAM).finalise(FINALISED)


def test_the_first_outcome_holds() -> None:
    entry = OscpMessageLedgerEntry(STREAM)
    entry.record(RECORDED)
    entry.finalise(FINALISED)
    with pytest.raises(Conflict, match="not finalised"):
        entry.finalise(OscpMessageFinalised(7, Outcome.REJECTED))
    assert entry.state.finalised is FINALISED


def test_a_folded_entry_knows_that_it_is_final() -> None:
    entry = OscpMessageLedgerEntry(STREAM)
    entry.fold([RECORDED, FINALISED])
    with pytest.raises(Conflict):
        entry.finalise(FINALISED)


def test_a_plain_request_id_can_be_read_in_the_name_of_its_stream() -> None:
    assert STREAM == "oscp-message-session-1-inbound-m-1"


@given(st.text(), st.text())
def test_different_messages_have_different_streams_of_bounded_length(one: str, other: str) -> None:
    streams = [stream_of("session-1", Direction.INBOUND, id) for id in (one, other)]
    assert (streams[0] == streams[1]) == (one == other)
    assert all(stream.isascii() and len(stream) < 200 for stream in streams)


@pytest.mark.parametrize("direction", Direction)
@given(id=st.text())
def test_the_stream_of_a_message_names_its_session(direction: Direction, id: str) -> None:
    assert session_id_in(stream_of("6dc59c9e-59a9-4f9b-a0f3-cc5d2b721111", direction, id)) == (
        "6dc59c9e-59a9-4f9b-a0f3-cc5d2b721111"
    )


def test_a_message_received_is_not_the_one_sent_under_the_same_id() -> None:
    assert stream_of("session-1", Direction.INBOUND, "m-1") != stream_of("session-1", Direction.OUTBOUND, "m-1")


@given(id=st.text())
def test_the_id_of_an_entry_is_a_uuid_made_from_the_name_of_its_stream(id: str) -> None:
    stream = stream_of("session-1", Direction.INBOUND, id)
    assert entry_id_of(stream) == str(uuid5(UUID("0d4f3b0e-52c1-5f5e-9d0b-5a1c0e9d2f10"), stream))


def test_ids_are_the_same_every_time() -> None:
    assert entry_id_of(STREAM) == entry_id_of(STREAM)
    assert request_id_of("session-1", 1) == request_id_of("session-1", 1)
    assert len({request_id_of(session, count) for session in ("a", "b") for count in (1, 2, 3)}) == 6
