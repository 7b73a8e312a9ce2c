"""The read model `oscp_messages` follows every entry of the ledger."""

from __future__ import annotations

import pytest

from depot_sim.domain.oscp.findings import Deviation
from depot_sim.domain.oscp.ledger import UNRESOLVED, stream_of
from depot_sim.domain.oscp.vocabulary import Direction, MessageType, Outcome
from depot_sim.projections.oscp.messages import OscpMessagesProjector
from depot_sim.projections.projector import PoisonEvent
from depot_sim.projections.rebuild import rebuild
from depot_sim.read_models.oscp import messages as oscp_messages
from depot_sim.read_models.oscp.messages import LONGEST_ID, Message, Wanted, get_message, list_messages
from tests.projections.oscp_samples import NOON, SESSION, accepted, attach, enter, finalised, recorded, rejected
from tests.projections.samples import Stores, append


@pytest.fixture(autouse=True)
def _session(request: pytest.FixtureRequest) -> None:
    """Messages belong to a session, or to none."""
    name = "stores" if "stores" in request.fixturenames else "memory"
    attach(request.getfixturevalue(name).log)


def shown(stores: Stores, entry_id: str) -> Message:
    stores.catch_up()
    message = get_message(stores.database(oscp_messages.MODEL), entry_id)
    assert message is not None
    return message


def test_a_recorded_message_is_pending_until_it_is_finalised(stores: Stores) -> None:
    message = recorded("q-1", Direction.OUTBOUND, MessageType.HANDSHAKE, correlation_id="k-1")
    entry_id = enter(stores.log, message)
    pending = shown(stores, entry_id)
    assert (pending.outcome, pending.validation, pending.status, pending.at) == ("pending", "", 0, NOON)
    assert (pending.session_id, pending.run_id, pending.configuration_id) == (SESSION, "r", "c1")
    assert (pending.direction, pending.message_type) == ("outbound", "Handshake")
    assert (pending.request_id, pending.correlation_id) == ("q-1", "k-1")
    assert pending.stream == stream_of(SESSION, Direction.OUTBOUND, "q-1")

    enter(stores.log, message, finalised(Outcome.FAILED, 0, error="connection refused"))
    failed = shown(stores, entry_id)
    assert (failed.outcome, failed.status, failed.error, failed.latency_us) == (
        "failed",
        0,
        "connection refused",
        1_500,
    )
    assert failed.position == pending.position


def test_a_judged_message_shows_its_verdict_and_how_much_was_found(stores: Stores) -> None:
    end = rejected(deviations=(Deviation("camel-case", "offlineModeAt"), Deviation("unknown-field", "x")))
    message = shown(stores, enter(stores.log, recorded("q-1"), end))
    assert (message.outcome, message.validation, message.status) == ("rejected", "rejected", 422)
    assert (message.rule, message.findings, message.deviations) == ("heartbeat.in-the-past", 1, 2)


def test_what_was_done_on_purpose_is_told_from_what_happened(stores: Stores) -> None:
    accident = shown(stores, enter(stores.log, recorded("q-1"), rejected()))
    wanted = shown(stores, enter(stores.log, recorded("q-2", overrides=("o-1",)), rejected(overrides=("o-1", "o-2"))))
    assert (accident.deliberate, accident.overrides) == (False, ())
    assert (wanted.deliberate, wanted.overrides) == (True, ("o-1", "o-2"))


def test_messages_of_no_session_are_kept_as_such(stores: Stores) -> None:
    entry_id = enter(stores.log, recorded("q-1", session_id=UNRESOLVED, run_id=""), rejected())
    stores.catch_up()
    found = list_messages(stores.database(oscp_messages.MODEL), UNRESOLVED).messages
    assert [message.entry_id for message in found] == [entry_id]


def test_foreign_ids_of_any_length_and_with_any_character_are_kept_and_found(stores: Stores) -> None:
    odd = "\0" + "ä" * 20_000
    entry_id = enter(stores.log, recorded(odd, correlation_id=odd, configuration_id=odd), accepted())
    message = shown(stores, entry_id)
    assert len(message.request_id) == len(message.configuration_id) == LONGEST_ID
    for wanted in (Wanted(request_id=odd), Wanted(correlation_id=odd)):
        found = list_messages(stores.database(oscp_messages.MODEL), SESSION, wanted).messages
        assert [one.entry_id for one in found] == [entry_id]


def test_an_error_may_hold_what_a_database_does_not_take(stores: Stores) -> None:
    entry_id = enter(stores.log, recorded("q-1"), finalised(Outcome.FAILED, 0, error="cut\0off"))
    assert shown(stores, entry_id).error == "cut�off"


def test_a_rebuild_gives_the_same_rows_as_following_message_by_message(stores: Stores) -> None:
    for number in range(6):
        message = recorded(f"q-{number}", overrides=("o",) if number == 3 else ())
        enter(stores.log, message)
        stores.catch_up()
        enter(stores.log, message, rejected() if number % 2 else accepted())
        stores.catch_up()
    grown = stores.rows()
    rebuilt = rebuild(OscpMessagesProjector(), stores.log, stores.read[oscp_messages.MODEL], verify=True)
    assert rebuilt.equal
    assert stores.rows() == grown
    assert len(grown["oscp_messages"]) == 6


def test_an_end_without_a_beginning_is_poison(memory: Stores) -> None:
    append(memory.log, stream_of(SESSION, Direction.INBOUND, "q-1"), accepted())
    with pytest.raises(PoisonEvent, match=r"oscp\.message-recorded"):
        memory.catch_up()


def test_an_unknown_entry_is_none(stores: Stores) -> None:
    assert get_message(stores.database(oscp_messages.MODEL), "none") is None
