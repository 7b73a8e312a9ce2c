"""Pages of the ledger: whatever is asked for, they hold just what matches, in order, each message once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.oscp.ledger import UNRESOLVED
from depot_sim.domain.oscp.vocabulary import Direction, MessageType, Outcome, Validation
from depot_sim.read_models.errors import QueryRefused
from depot_sim.read_models.oscp import messages as oscp_messages
from depot_sim.read_models.oscp.messages import ANY, KINDS, Message, Wanted, get_message, list_messages
from depot_sim.read_models.store import Mark
from tests.projections.oscp_samples import SESSION, attach, enter, finalised, recorded
from tests.projections.samples import Stores, opened

TYPES = (MessageType.HEARTBEAT, MessageType.UPDATE_GROUP_MEASUREMENTS)
OUTCOMES = (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.FAILED, None)


def fill(stores: Stores) -> None:
    """Sixty messages of a session, a few of which share ids, among others that belong to none."""
    attach(stores.log)
    for number in range(60):
        direction = Direction.INBOUND if number % 3 else Direction.OUTBOUND
        message = recorded(
            f"q-{number // 2}" if number % 3 == 0 else f"q-{number}",
            direction,
            TYPES[number % 5 == 0],
            session_id=UNRESOLVED if number % 7 == 0 else SESSION,
            correlation_id=f"k-{number % 4}",
            overrides=("wanted",) if number % 11 == 0 else (),
        )
        outcome = OUTCOMES[number % 4]
        validation = None if direction is Direction.OUTBOUND else Validation.ACCEPTED
        enter(stores.log, message, None if outcome is None else finalised(outcome, validation=validation))
    stores.catch_up()


@pytest.fixture(scope="module")
def ledger() -> Iterator[Stores]:
    """The ledger in memory, for all tests of this module."""
    with opened("memory:") as stores:
        fill(stores)
        yield stores


def pages(stores: Stores, wanted: Wanted = ANY, *, oldest_first: bool = False, limit: int = 7) -> list[Message]:
    """All messages, page by page."""
    database, found = stores.database(oscp_messages.MODEL), list[Message]()
    bounds: dict[str, int] = {}
    while True:
        page = list_messages(database, SESSION, wanted, oldest_first=oldest_first, limit=limit, **bounds)
        found += page.messages
        if page.next is None:
            return found
        assert len(page.messages) == limit
        bounds = {"after" if oldest_first else "before": page.next}


def matches(message: Message, wanted: Wanted) -> bool:
    names = ("direction", "message_type", "outcome", "validation", "deliberate", "correlation_id", "request_id")
    asked = [(getattr(message, name), getattr(wanted, name)) for name in names]
    return all(value is None or has == value for has, value in asked)


def maybe(*values: Any) -> st.SearchStrategy[Any]:
    return st.none() | st.sampled_from(values)


WANTED = st.builds(
    Wanted,
    direction=maybe("inbound", "outbound"),
    message_type=maybe("Heartbeat", "UpdateGroupMeasurements", "Handshake"),
    outcome=maybe("pending", "accepted", "rejected", "failed", "withheld"),
    validation=maybe("", "accepted", "rejected"),
    deliberate=maybe(True, False),
    correlation_id=maybe("k-1", "k-2", "none"),
    request_id=maybe("q-3", "q-4", "none"),
)


@given(wanted=WANTED, oldest_first=st.booleans(), limit=st.integers(1, 70))
def test_pages_hold_what_matches_in_order_and_nothing_else(
    ledger: Stores, wanted: Wanted, oldest_first: bool, limit: int
) -> None:
    everything = pages(ledger, limit=1_000)
    expected = [message for message in everything if matches(message, wanted)]
    found = pages(ledger, wanted, oldest_first=oldest_first, limit=limit)
    assert found == (expected[::-1] if oldest_first else expected)


def test_everything_of_a_session_comes_newest_first_without_what_belongs_to_none(stores: Stores) -> None:
    fill(stores)
    positions = [message.position for message in pages(stores)]
    assert positions == sorted(positions, reverse=True)
    assert len(positions) == 51
    assert len(list_messages(stores.database(oscp_messages.MODEL), UNRESOLVED).messages) == 9


def test_every_filter_works_on_every_database(stores: Stores) -> None:
    fill(stores)
    everything = pages(stores, limit=1_000)
    for wanted in (
        Wanted(direction="outbound", outcome="pending"),
        Wanted(message_type="Heartbeat", deliberate=True),
        Wanted(validation="accepted", correlation_id="k-1", deliberate=False),
        Wanted(request_id="q-4"),
        Wanted(outcome="withheld"),
    ):
        assert pages(stores, wanted) == [message for message in everything if matches(message, wanted)]


@pytest.mark.parametrize("wanted", [ANY, Wanted(direction="inbound"), Wanted(correlation_id="k-1")])
def test_a_page_lies_strictly_between_two_positions(ledger: Stores, wanted: Wanted) -> None:
    everything = pages(ledger, wanted)
    first, last = everything[-3].position, everything[2].position
    found = list_messages(ledger.database(oscp_messages.MODEL), SESSION, wanted, after=first, before=last).messages
    assert found == everything[3:-3]


def test_every_kind_is_known_with_a_bound_for_where_its_messages_are(ledger: Stores) -> None:
    rows = ledger.database(oscp_messages.MODEL).query(f"SELECT {', '.join(KINDS.columns)} FROM oscp_message_kinds")
    bounds = {tuple(kind): newest for _, *kind, newest in rows}
    for message in pages(ledger, limit=1_000):
        assert message.position <= bounds[message.kind]


def test_an_entry_is_found_wherever_in_a_long_log_it_was_recorded(stores: Stores) -> None:
    places = (1, 70_000, 300_000, 1_000_000)
    messages = [
        Message(SESSION, place, f"entry-{place}", "s", "r", "c", "inbound", "Heartbeat", "q", "", 0) for place in places
    ]
    with stores.read[oscp_messages.MODEL].advance(0, Mark(places[-1], 0)) as transaction:
        transaction.insert(oscp_messages.MESSAGES, [message.row(1) for message in messages])
        transaction.insert(KINDS, [(1, *messages[0].kind, places[-1])])
    database = stores.database(oscp_messages.MODEL)
    assert [get_message(database, message.entry_id) for message in messages] == messages
    assert get_message(database, "none") is None


@pytest.mark.parametrize("limit", [0, 1_001])
def test_a_page_has_a_sensible_size(ledger: Stores, limit: int) -> None:
    with pytest.raises(QueryRefused, match="limit"):
        list_messages(ledger.database(oscp_messages.MODEL), SESSION, limit=limit)
