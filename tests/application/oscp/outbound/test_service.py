"""What a session sends: recorded before it goes, final after it went, and treated as overrides want it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from depot_sim.application.http import HttpResult
from depot_sim.application.oscp.outbound.messages import WRONG_GROUP, WRONG_ID
from depot_sim.application.oscp.requests import (
    Disconnect,
    ForceState,
    SendForecast,
    SendHandshake,
    SendHeartbeat,
    SendMessage,
)
from depot_sim.domain.kernel.errors import CommandRefused, RunHeldElsewhere, StoreError
from depot_sim.domain.oscp.events import OscpMessageClosed, OscpMessageOpened, OscpProviderSessionAttached
from depot_sim.domain.oscp.vocabulary import Lifecycle, MessageType, Outcome
from depot_sim.domain.oscp.wire.times import format_instant
from tests.application.oscp.conftest import Start
from tests.application.oscp.processes import CONFIGURATION, HANDSHAKE, FakePartner, OscpProcess, WallClock
from tests.application.run.processes import ALICE, until
from tests.domain.oscp.sessions import TEN

pytestmark = pytest.mark.anyio

FORECAST = SendForecast(pattern="500 for 1h")


async def handshake(process: OscpProcess, session: str) -> Any:
    return await process.service.send_handshake("r", session, SendHandshake(), ALICE)


async def heartbeat(process: OscpProcess, session: str) -> Any:
    return await process.service.send_heartbeat("r", session, SendHeartbeat(), ALICE)


async def online(process: OscpProcess, session: str) -> None:
    await process.service.force_state("r", session, ForceState(Lifecycle.ONLINE), ALICE)


def last(process: OscpProcess, session: str) -> Any:
    """The newest entry of the ledger."""
    return process.entries(session)[-1].state


async def test_a_message_is_recorded_before_it_goes_and_final_after_its_answer(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    partner.hold()
    sending = asyncio.create_task(handshake(process, session))
    await until(lambda: partner.received)
    assert process.outcomes(session) == [""]
    assert process.state(session) is Lifecycle.AWAITING_HANDSHAKE_ACKNOWLEDGE
    assert process.outbound.in_flight == {last(process, session).recorded.entry_id}

    partner.release()
    sent = await sending
    assert (sent.state, sent.delivery_status) == (Lifecycle.AWAITING_HANDSHAKE_ACKNOWLEDGE, "accepted")
    assert process.outcomes(session) == ["accepted"]
    assert not process.outbound.in_flight


async def test_a_message_names_the_configuration_itself_and_what_it_answers(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    await process.receive("handshake", HANDSHAKE, id="h-1")
    await process.acknowledge(session)
    headers = partner.headers()
    assert partner.received[-1].url == "http://fp.example/oscp/fp/2.0/handshake_acknowledge"
    assert headers["X-OSCP-Configuration-ID"] == CONFIGURATION
    assert headers["X-Correlation-ID"] == "h-1"
    recorded = last(process, session).recorded
    assert recorded.request_id == headers["X-Request-ID"]
    assert dict(recorded.headers) == headers


async def test_an_acknowledgement_that_overtakes_the_answer_to_the_handshake_leaves_the_session_online(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    partner.hold()
    sending = asyncio.create_task(handshake(process, session))
    await until(lambda: partner.received)
    id = partner.headers()["X-Request-ID"]
    assert await process.status("handshake_acknowledge", HANDSHAKE, correlation=id) == 204
    partner.release()
    assert (await sending).state is Lifecycle.ONLINE


async def test_heartbeats_are_good_for_as_many_intervals_as_the_profile_says(
    process: OscpProcess, session: str, partner: FakePartner, clock: WallClock
) -> None:
    await online(process, session)
    await heartbeat(process, session)
    assert partner.bodies("heartbeat") == [{"offline_mode_at": format_instant(TEN + 15_000)}]


@pytest.mark.parametrize(
    ("answer", "outcome", "state"),
    [
        (HttpResult(204), "accepted", Lifecycle.ONLINE),
        (HttpResult(200, body="fine"), "accepted", Lifecycle.ONLINE),
        (HttpResult(302), "rejected", Lifecycle.ONLINE),
        (HttpResult(403, body="no"), "rejected", Lifecycle.OFFLINE),
        (HttpResult(503), "rejected", Lifecycle.DEGRADED),
        (HttpResult(0, error="connection refused"), "failed", Lifecycle.DEGRADED),
    ],
)
async def test_the_answer_decides_the_outcome(
    process: OscpProcess, session: str, partner: FakePartner, answer: HttpResult, outcome: str, state: Lifecycle
) -> None:
    await online(process, session)
    partner.answers = [answer]
    sent = await heartbeat(process, session)
    assert (sent.delivery_status, sent.status, sent.error) == (outcome, answer.status, answer.error)
    finalised = last(process, session).finalised
    assert (finalised.outcome, finalised.answer.body, finalised.error) == (outcome, answer.body, answer.error)
    assert process.state(session) is state
    assert [one.name for one in finalised.deviations] == (["status-not-204"] if answer.status == 200 else [])


async def test_what_the_state_forbids_is_not_sent_and_leaves_no_trace(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    with pytest.raises(CommandRefused):
        await process.service.send_forecast("r", session, FORECAST, ALICE)
    assert (process.outcomes(session), partner.received) == ([], [])


async def test_a_hand_made_message_goes_in_any_state_as_it_stands(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    asked = SendMessage(
        MessageType.HEARTBEAT,
        raw_body="{oops",
        headers={"X-OSCP-Configuration-ID": None, "X-Odd": "1"},
        reason="to see what it says",
    )
    await process.service.send_message("r", session, asked, ALICE)
    assert partner.received[-1].body == b"{oops"
    assert "X-OSCP-Configuration-ID" not in partner.headers()
    assert partner.headers()["X-Odd"] == "1"
    assert last(process, session).recorded.body == "{oops"
    entry = last(process, session)
    [by_hand] = process.interventions(session)
    assert (by_hand.name, by_hand.reason, by_hand.lasts) == ("send-message", "to see what it says", False)
    assert entry.recorded.overrides == entry.finalised.overrides == (by_hand.intervention_id,), "it is named once"


async def test_a_hand_made_message_that_an_override_treats_names_both_once(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    await process.override(session, match={"message_types": ["Heartbeat"]}, effect={"type": "malform", "how": "empty"})
    [applied] = process.hosted(session).overrides.active
    await process.service.send_message("r", session, SendMessage(MessageType.HEARTBEAT, raw_body="{oops"), ALICE)
    entry = last(process, session)
    [by_hand] = process.interventions(session)
    assert entry.recorded.overrides == entry.finalised.overrides == (applied, by_hand.intervention_id)


async def test_only_the_holder_of_the_run_sends(processes: Start, partner: FakePartner) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    session = await here.attach()
    with pytest.raises(RunHeldElsewhere):
        await handshake(there, session)
    assert partner.received == []


async def test_what_cannot_be_recorded_is_not_sent(process: OscpProcess, session: str, partner: FakePartner) -> None:
    process.journal.outcomes = [StoreError("the disk is full")]
    with pytest.raises(StoreError):
        await handshake(process, session)
    assert partner.received == []


async def test_a_message_under_way_when_its_run_stops_is_finalised_all_the_same(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    await online(process, session)
    partner.hold()
    sending = asyncio.create_task(heartbeat(process, session))
    await until(lambda: partner.received)
    await process.runs.stop("r", ALICE)
    partner.release()
    await sending
    assert process.outcomes(session) == ["accepted"]


async def test_a_forecast_that_is_accepted_after_its_session_was_attached_anew_is_no_forecast_of_the_new_session(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    await online(process, session)
    partner.hold()
    sending = asyncio.create_task(process.service.send_forecast("r", session, FORECAST, ALICE))
    await until(lambda: partner.received)
    await process.service.delete("r", session, ALICE)
    assert await process.attach() == session
    await process.scenarios.raise_expectation("r", session, {"within_ms": 60_000, "messages": [{}]}, ALICE)
    partner.release()
    assert (await sending).delivery_status == "accepted"

    events = process.events_of(session)
    attached = max(n for n, event in enumerate(events) if isinstance(event, OscpProviderSessionAttached))
    (opened,) = (event for event in events[:attached] if isinstance(event, OscpMessageOpened))
    assert events[attached + 1 :] == [OscpMessageClosed(process.wall.wall_ms, opened.entry_id, Outcome.ACCEPTED)]
    assert process.outcomes(session) == ["accepted"]
    assert len(process.hosted(session).expectations.waiting) == 1


async def test_an_answer_that_comes_while_another_process_writes_is_kept(
    processes: Start, partner: FakePartner
) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    session = await here.attach()
    await online(here, session)
    partner.hold()
    sending = asyncio.create_task(heartbeat(here, session))
    await until(lambda: partner.received)
    assert await there.status("heartbeat", there.heartbeat()) == 204
    partner.release()
    assert (await sending).delivery_status == "accepted"
    assert here.session(session).state.last_heartbeat_received_at is not None


# Overrides


async def test_a_withheld_message_is_in_the_ledger_and_nowhere_else(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    await online(process, session)
    await process.override(session, mode="stop_heartbeats")
    [applied] = process.hosted(session).overrides.active
    assert (await heartbeat(process, session)).delivery_status == "withheld"
    assert partner.received == []
    entry = last(process, session)
    assert entry.recorded.overrides == entry.finalised.overrides == (applied,)
    assert process.state(session) is Lifecycle.ONLINE


async def test_in_an_outage_nothing_goes_and_the_session_is_degraded_until_it_ends(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    await online(process, session)
    await process.override(session, mode="network_outage")
    assert (await heartbeat(process, session)).delivery_status == "failed"
    assert (process.state(session), partner.received) == (Lifecycle.DEGRADED, [])
    await process.override(session, clear="all")
    await heartbeat(process, session)
    assert process.state(session) is Lifecycle.ONLINE


async def test_nothing_is_doubled_in_an_outage(process: OscpProcess, session: str, partner: FakePartner) -> None:
    await online(process, session)
    await process.override(session, mode="network_outage")
    await process.override(session, mode="duplicate_heartbeats")
    await heartbeat(process, session)
    assert partner.received == []
    assert process.outcomes(session) == ["failed"]


async def test_a_late_message_goes_when_its_time_has_come(
    process: OscpProcess, session: str, partner: FakePartner, clock: WallClock
) -> None:
    await online(process, session)
    await process.override(session, mode="late_heartbeats")
    sending = asyncio.create_task(heartbeat(process, session))
    await until(lambda: clock.sleepers)
    clock.advance(19_999_000)
    assert partner.received == []
    clock.advance(1_000)
    assert (await sending).delivery_status == "accepted"


@pytest.mark.parametrize("new_ids", [False, True])
async def test_a_doubled_message_is_sent_again_with_an_entry_of_its_own_and_no_effect(
    process: OscpProcess, session: str, partner: FakePartner, new_ids: bool
) -> None:
    effect = {"type": "duplicate", "times": 2, "new_request_ids": new_ids}
    await process.override(session, effect=effect, match={"direction": "outbound"})
    partner.answers = [HttpResult(204), HttpResult(403), HttpResult(0, error="gone")]
    await handshake(process, session)
    assert len(partner.received) == 3
    ids = [partner.headers(place)["X-Request-ID"] for place in range(3)]
    assert len(set(ids)) == (3 if new_ids else 1)
    assert process.outcomes(session) == ["accepted", "rejected", "failed"]
    assert process.state(session) is Lifecycle.AWAITING_HANDSHAKE_ACKNOWLEDGE
    assert process.session(session).state.handshake_id == ids[0]
    assert process.session(session).state.open == {}


async def test_a_handshake_sent_again_after_it_was_acknowledged_leaves_the_session_online(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    await process.override(session, effect={"type": "duplicate"}, match={"direction": "outbound"})
    partner.hold()
    sending = asyncio.create_task(handshake(process, session))
    await until(lambda: partner.received)
    id = partner.headers()["X-Request-ID"]
    await process.receive("handshake_acknowledge", HANDSHAKE, correlation=id)
    partner.release()
    await sending
    assert len(partner.received) == 2
    assert process.state(session) is Lifecycle.ONLINE


async def test_a_message_that_is_to_go_behind_the_next_one_does(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    await online(process, session)
    match = {"message_types": ["UpdateGroupCapacityForecast"]}
    await process.override(session, effect={"type": "reorder"}, match=match, times=1)
    forecast = asyncio.create_task(process.service.send_forecast("r", session, FORECAST, ALICE))
    await until(lambda: process.outcomes(session) == [""])
    await heartbeat(process, session)
    await forecast
    assert partner.paths() == ["heartbeat", "update_group_capacity_forecast"]


async def test_a_message_that_waits_for_others_in_vain_goes_alone(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    await online(process, session)
    await process.override(session, effect={"type": "reorder", "at_most_ms": 5}, match={"direction": "outbound"})
    assert (await heartbeat(process, session)).delivery_status == "accepted"


async def test_a_spoilt_body_is_recorded_as_it_was_sent(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    await online(process, session)
    await process.override(session, effect={"type": "malform", "how": "not_json"}, match={"direction": "outbound"})
    await heartbeat(process, session)
    recorded = last(process, session).recorded
    assert recorded.body.encode() == partner.received[-1].body
    assert msgspec.json.decode(recorded.true_body).keys() == {"offline_mode_at"}, "the true one stands beside it"
    with pytest.raises(msgspec.DecodeError):
        partner.bodies("heartbeat")


@pytest.mark.parametrize("what", ["group", "correlation", "lifecycle"])
async def test_a_mismatch_is_sent_where_it_shows(
    process: OscpProcess, session: str, partner: FakePartner, what: str
) -> None:
    await online(process, session)
    await process.override(session, effect={"type": "mismatch", "what": what}, match={"direction": "outbound"})
    await process.service.send_forecast("r", session, FORECAST, ALICE)
    found = {
        "group": partner.bodies("update_group_capacity_forecast")[0]["group_id"] == WRONG_GROUP,
        "correlation": partner.headers().get("X-Correlation-ID") == WRONG_ID,
        "lifecycle": partner.headers()["X-OSCP-Configuration-ID"] == WRONG_ID,
    }
    assert [name for name, is_wrong in found.items() if is_wrong] == [what]
    true_body = last(process, session).recorded.true_body
    assert ('"group_id":"g"' in true_body) == (what == "group")


async def test_a_late_acknowledgement_of_a_handshake_that_is_over_does_not_end_the_next_one(
    process: OscpProcess, session: str, partner: FakePartner, clock: WallClock
) -> None:
    await process.override(session, mode="late_acknowledge", times=1)
    await process.receive("handshake", HANDSHAKE, id="h-1")
    late = asyncio.create_task(process.acknowledge(session))
    await until(lambda: clock.sleepers)
    await process.service.disconnect("r", session, Disconnect(), ALICE)
    clock.advance(10_000_000)
    await process.receive("handshake", HANDSHAKE, id="h-2")
    partner.answers = [HttpResult(403)]
    clock.advance(25_000_000)
    await late
    assert process.state(session) is Lifecycle.ACCEPTING_HANDSHAKE
