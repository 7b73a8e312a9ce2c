"""The read model `oscp_sessions` follows every session."""

from __future__ import annotations

from typing import Any

import pytest

from depot_sim.domain.kernel.projection import ProjectionHealth, ProjectionStateChanged
from depot_sim.domain.oscp.events import Cause, OscpLifecycleChanged, OscpProviderSessionDetached
from depot_sim.domain.oscp.ledger import UNRESOLVED, OscpMessageFinalised
from depot_sim.domain.oscp.vocabulary import Direction, Lifecycle, MessageType, Outcome
from depot_sim.projections.oscp.sessions import OscpSessionsProjector
from depot_sim.projections.projector import PoisonEvent
from depot_sim.projections.rebuild import rebuild
from depot_sim.read_models.errors import QueryRefused
from depot_sim.read_models.oscp import sessions as oscp_sessions
from depot_sim.read_models.oscp.sessions import Session, get_session, list_sessions
from tests.projections.oscp_samples import (
    NOON,
    SESSION,
    accepted,
    attach,
    attached,
    enter,
    finalised,
    recorded,
    rejected,
)
from tests.projections.samples import Stores, append


def shown(stores: Stores, session_id: str = SESSION) -> Session:
    stores.catch_up()
    session = get_session(stores.database(oscp_sessions.MODEL), session_id)
    assert session is not None
    return session


def online(at: int = NOON + 5) -> tuple[OscpLifecycleChanged, ProjectionStateChanged]:
    before, after = Lifecycle.ACCEPTING_HANDSHAKE, Lifecycle.ONLINE
    return (
        OscpLifecycleChanged(at, before, after, Cause.HANDSHAKE_COMPLETED),
        ProjectionStateChanged(at, "r", "oscp", "scope-grid-1", ProjectionHealth.UP),
    )


def test_an_attached_session_shows_what_it_is_bound_to(stores: Stores) -> None:
    stream = attach(stores.log)
    session = shown(stores)
    assert (session.stream, session.run_id, session.managed_scope_id) == (stream, "r", "scope-grid-1")
    assert (session.remote_configuration_id, session.group_id, session.asset_id) == ("c1", "group-1", "")
    assert (session.partner_profile, session.clock, session.attached_at) == ("betterfleet-vector", "wall", NOON)
    assert (session.active, session.state, session.health) == (True, "offline", "DOWN")
    assert (session.messages, session.last_entry_id, session.error) == (0, "", "")


def test_state_and_health_follow_the_lifecycle(stores: Stores) -> None:
    stream = attach(stores.log)
    append(stores.log, stream, *online())
    session = shown(stores)
    assert (session.state, session.health) == ("online", "UP")
    assert (session.cause, session.changed_at) == ("handshake_completed", NOON + 5)

    end = OscpLifecycleChanged(NOON + 9, Lifecycle.ONLINE, Lifecycle.OFFLINE, Cause.DETACHED, "over")
    append(stores.log, stream, end, OscpProviderSessionDetached(NOON + 9))
    session = shown(stores)
    assert (session.active, session.state, session.reason) == (False, "offline", "over")


def test_a_session_attached_again_starts_anew(stores: Stores) -> None:
    stream = attach(stores.log)
    append(stores.log, stream, *online(), OscpProviderSessionDetached(NOON + 9))
    enter(stores.log, recorded("q-1"), rejected())
    append(stores.log, stream, attached())
    session = shown(stores)
    assert (session.active, session.state, session.messages, session.error) == (True, "offline", 0, "")


def test_the_last_message_is_the_newest_one_recorded(stores: Stores) -> None:
    attach(stores.log)
    first = recorded("q-1", Direction.OUTBOUND, MessageType.HANDSHAKE)
    enter(stores.log, first)
    newest = enter(stores.log, recorded("q-2", at=NOON + 7))
    session = shown(stores)
    assert (session.messages, session.last_entry_id, session.last_outcome) == (2, newest, "pending")
    assert (session.last_direction, session.last_message_type) == ("inbound", "Heartbeat")
    assert session.last_message_at == NOON + 7

    enter(stores.log, first, finalised())
    assert shown(stores).last_outcome == "pending"
    enter(stores.log, recorded("q-2"), accepted())
    assert shown(stores).last_outcome == "accepted"


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (rejected(), "heartbeat.in-the-past"),
        (finalised(Outcome.FAILED, 0, error="connection refused"), "connection refused"),
        (finalised(Outcome.REJECTED, 403), "answered 403"),
        (finalised(Outcome.INDETERMINATE, 0), "indeterminate"),
    ],
)
def test_the_last_error_says_what_went_wrong_with_which_message(
    memory: Stores, end: OscpMessageFinalised, said: str
) -> None:
    attach(memory.log)
    entry_id = enter(memory.log, recorded("q-1"), end)
    enter(memory.log, recorded("q-2"), accepted())
    session = shown(memory)
    assert (session.error, session.error_entry_id, session.error_deliberate) == (said, entry_id, False)
    assert session.error_at == NOON + 3


def test_an_error_that_an_override_wanted_is_marked_as_such(stores: Stores) -> None:
    attach(stores.log)
    enter(stores.log, recorded("q-1"), rejected(overrides=("o-1",)))
    assert shown(stores).error_deliberate is True


def test_messages_of_no_session_touch_none(memory: Stores) -> None:
    attach(memory.log)
    enter(memory.log, recorded("q-1", session_id=UNRESOLVED), rejected())
    assert shown(memory).messages == 0


def test_what_happens_to_a_session_that_never_began_is_poison(memory: Stores) -> None:
    append(memory.log, "oscp-r-c1", *online())
    with pytest.raises(PoisonEvent, match=r"oscp\.provider-session-attached"):
        memory.catch_up()


def test_a_rebuild_gives_the_same_rows_as_following_event_by_event(stores: Stores) -> None:
    stream = attach(stores.log)
    attach(stores.log, "11111111-59a9-4f9b-a0f3-cc5d2b721111", configuration_id="c2")
    for number, end in enumerate((accepted(), rejected(), finalised(Outcome.FAILED, 0))):
        stores.catch_up()
        enter(stores.log, recorded(f"q-{number}"))
        stores.catch_up()
        enter(stores.log, recorded(f"q-{number}"), end)
        append(stores.log, stream, *online(NOON + number))
    stores.catch_up()
    grown = stores.rows()
    rebuilt = rebuild(OscpSessionsProjector(), stores.log, stores.read[oscp_sessions.MODEL], verify=True)
    assert rebuilt.equal
    assert stores.rows() == grown
    assert [row[0] for row in grown["oscp_sessions"]] == ["11111111-59a9-4f9b-a0f3-cc5d2b721111", SESSION]


def test_sessions_are_listed_newest_first_in_pages_by_run_state_and_activity(stores: Stores) -> None:
    for number in range(5):
        stream = attach(stores.log, f"s{number}", "even" if number % 2 == 0 else "odd", f"c{number}")
        if number == 2:
            append(stores.log, stream, *online())
        if number == 3:
            append(stores.log, stream, OscpProviderSessionDetached(NOON))
    stores.catch_up()
    database = stores.database(oscp_sessions.MODEL)

    first = list_sessions(database, limit=3)
    assert first.next_before is not None
    rest = list_sessions(database, limit=3, before=first.next_before)
    assert [session.session_id for session in first.sessions] == ["s4", "s3", "s2"]
    assert ([session.session_id for session in rest.sessions], rest.next_before) == (["s1", "s0"], None)
    asked: dict[str, Any]
    for asked, expected in (
        ({"run_id": "odd"}, ["s3", "s1"]),
        ({"state": "online"}, ["s2"]),
        ({"active": False}, ["s3"]),
        ({"run_id": "odd", "active": True}, ["s1"]),
        ({"run_id": "none"}, []),
    ):
        found = list_sessions(database, **asked).sessions
        assert [session.session_id for session in found] == expected


def test_a_page_has_a_sensible_size(memory: Stores) -> None:
    with pytest.raises(QueryRefused, match="limit"):
        list_sessions(memory.database(oscp_sessions.MODEL), limit=0)
