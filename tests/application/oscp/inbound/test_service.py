"""What a partner sends: judged, recorded and finalised once, answered once, whatever happens around it."""

from __future__ import annotations

import asyncio
from collections import Counter

import msgspec
import pytest

from depot_sim.application.oscp.inbound.resolving import RequestResolver
from depot_sim.application.oscp.requests import ForceState
from depot_sim.domain.kernel.errors import StoreError
from depot_sim.domain.oscp.events import OscpMessageClosed
from depot_sim.domain.oscp.findings import Kind
from depot_sim.domain.oscp.vocabulary import Lifecycle, Outcome, Validation
from tests.application.oscp.conftest import Start
from tests.application.oscp.processes import CONFIGURATION, HANDSHAKE, JSON, SECOND, FakePartner, OscpProcess, WallClock
from tests.application.run.processes import ALICE, until

MOST_BODY_BYTES = 1_048_576

pytestmark = pytest.mark.anyio


# One message, one entry, one answer


async def test_a_message_is_recorded_and_final_before_it_is_answered(process: OscpProcess, session: str) -> None:
    reply = await process.receive("handshake", HANDSHAKE, id="h-1", correlation="c-1")
    assert (reply.status, reply.body) == (204, b"")
    (entry,) = process.entries(session)
    recorded, finalised = entry.state.recorded, entry.state.finalised
    assert recorded is not None
    assert finalised is not None
    assert (recorded.request_id, recorded.correlation_id, recorded.url) == ("h-1", "c-1", "handshake")
    assert (recorded.body, recorded.body_bytes) == (HANDSHAKE.decode(), len(HANDSHAKE))
    assert recorded.configuration_id == CONFIGURATION
    assert (finalised.outcome, finalised.validation) == (Outcome.ACCEPTED, Validation.ACCEPTED)
    assert finalised.answer.status == 204
    assert process.state(session) is Lifecycle.ACCEPTING_HANDSHAKE


async def test_the_same_message_a_hundred_times_at_once_is_one_entry_with_a_hundred_equal_answers(
    process: OscpProcess, session: str
) -> None:
    replies = await asyncio.gather(*(process.receive("handshake", HANDSHAKE, id="h-1") for _ in range(100)))
    assert Counter(reply.status for reply in replies) == {204: 100}
    assert process.outcomes(session) == ["accepted"]


async def test_the_same_message_again_gets_the_answer_of_the_first_time(process: OscpProcess, session: str) -> None:
    heartbeat = process.heartbeat()
    first = await process.receive("heartbeat", heartbeat, id="b-1")
    await process.connect(session)
    again = await process.receive("heartbeat", heartbeat, id="b-1")
    assert first.status == 403
    assert again == first
    assert process.outcomes(session, "Heartbeat") == ["rejected"]


async def test_a_process_that_has_forgotten_the_answer_finds_it_in_the_log(process: OscpProcess, session: str) -> None:
    first = await process.receive("handshake", b"{", id="h-1")
    process.sessions.forget(session)
    assert await process.receive("handshake", b"{", id="h-1") == first
    assert first.status == 422
    assert process.outcomes(session) == ["rejected"]


async def test_the_same_message_at_two_processes_at_once_is_one_entry(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    session = await here.attach()
    replies = await asyncio.gather(
        *(process.receive("handshake", HANDSHAKE, id="h-1") for _ in range(50) for process in (here, there))
    )
    assert Counter(reply.status for reply in replies) == {204: 100}
    assert here.outcomes(session) == ["accepted"]


async def test_different_messages_at_two_processes_at_once_are_all_taken(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    session = await here.attach()
    await here.connect(session)
    replies = await asyncio.gather(
        *(process.receive("heartbeat", process.heartbeat()) for _ in range(100) for process in (here, there))
    )
    assert Counter(reply.status for reply in replies) == {204: 200}
    assert here.outcomes(session, "Heartbeat") == ["accepted"] * 200


async def test_what_another_process_has_done_to_the_session_counts_here(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    session = await here.attach()
    assert await there.status("heartbeat", there.heartbeat()) == 403
    await here.connect(session)
    assert await there.status("heartbeat", there.heartbeat()) == 204
    assert await here.status("heartbeat", here.heartbeat()) == 204


# A request id that was used before


async def test_another_message_under_a_used_request_id_is_refused_and_has_an_entry_of_its_own(
    process: OscpProcess, session: str
) -> None:
    assert await process.status("handshake", HANDSHAKE, id="h-1") == 204
    other = await process.receive("heartbeat", process.heartbeat(), id="h-1")
    assert other.status == 422
    assert b"x-request-id.reused" in other.body
    assert await process.receive("heartbeat", process.heartbeat(), id="h-1") == other
    assert process.outcomes(session) == ["accepted", "rejected"]
    assert await process.status("handshake", HANDSHAKE, id="h-1") == 204


async def test_a_used_request_id_is_known_after_a_restart_and_the_first_message_keeps_its_answer(
    process: OscpProcess, session: str
) -> None:
    await process.receive("handshake", HANDSHAKE, id="h-1")
    process.sessions.forget(session)
    other = await process.receive("handshake", b"{}", id="h-1")
    assert other.status == 422
    assert await process.receive("handshake", b"{}", id="h-1") == other
    assert await process.status("handshake", HANDSHAKE, id="h-1") == 204
    assert process.outcomes(session) == ["accepted", "rejected"]


async def test_messages_without_a_request_id_are_refused_each_for_itself(process: OscpProcess, session: str) -> None:
    assert [await process.status("handshake", HANDSHAKE, id="") for _ in range(2)] == [422, 422]
    assert process.outcomes(session) == ["rejected"] * 2


# What is wrong with a message


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", Kind.MALFORMED),
        (b"\xff\xfe", Kind.MALFORMED),
        (b"[" * 100_000, Kind.MALFORMED),
        (b'{"offline_mode_at": NaN}', Kind.MALFORMED),
        (b"[]", Kind.MALFORMED),
        (b'{"offline_mode_at": 5}', Kind.SCHEMA),
        (b"{}", Kind.SCHEMA),
        (b'{"offline_mode_at": "2001-04-02T10:00:00Z"}', Kind.SEMANTICS),
    ],
)
async def test_a_body_that_is_wrong_is_answered_422_and_recorded_with_its_fault(
    process: OscpProcess, session: str, body: bytes, kind: Kind
) -> None:
    await process.connect(session)
    assert await process.status("heartbeat", body, id="b-1") == 422
    finalised = process.entries(session)[-1].state.finalised
    assert finalised is not None
    assert [finding.kind for finding in finalised.findings] == [kind]
    assert process.state(session) is Lifecycle.ONLINE


async def test_every_failed_rule_is_recorded_and_the_weightiest_one_decides(process: OscpProcess, session: str) -> None:
    headers = (("content-type", "text/plain"), JSON)
    reply = await process.receive("update_group_measurements", b'{"group_id": 5}', headers=headers)
    assert reply.status == 422
    finalised = process.entries(session)[-1].state.finalised
    assert finalised is not None
    kinds = [finding.kind.value for finding in finalised.findings]
    assert {"headers", "content_type", "schema", "lifecycle"} <= set(kinds)
    assert finalised.rule.startswith("header.")


async def test_of_a_body_that_is_too_large_the_beginning_is_kept(process: OscpProcess, session: str) -> None:
    assert await process.status("handshake", b" " * (10 * MOST_BODY_BYTES)) == 422
    recorded = process.entries(session)[-1].state.recorded
    assert recorded is not None
    assert recorded.body_bytes == 10 * MOST_BODY_BYTES
    assert len(recorded.body) <= 4_096


async def test_secrets_never_reach_the_ledger(process: OscpProcess, session: str) -> None:
    headers = (("authorization", "Token s3cr3t"), ("x-api-key", "s3cr3t"), JSON)
    await process.receive("handshake", HANDSHAKE, headers=headers)
    assert all(b"s3cr3t" not in row.state for row in process.store.log.read_all())


async def test_what_cannot_be_written_is_answered_503_and_can_be_sent_again(process: OscpProcess, session: str) -> None:
    process.journal.outcomes = [StoreError("the disk is full")]
    assert await process.status("handshake", HANDSHAKE, id="h-1") == 503
    assert process.outcomes(session) == []
    assert await process.status("handshake", HANDSHAKE, id="h-1") == 204
    assert process.outcomes(session) == ["accepted"]


@pytest.mark.parametrize("failure", [StoreError("the disk is full"), RuntimeError("a defect")])
async def test_a_long_path_is_cut_in_the_log(
    process: OscpProcess, failure: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(RequestResolver, "resolve", fail)
    assert await process.status("x" * 60_000) == 503
    assert [len(vars(record)["path"]) for record in caplog.records] == [100]


async def test_all_who_wait_for_an_answer_that_cannot_be_given_hear_so(process: OscpProcess, session: str) -> None:
    process.journal.outcomes = [StoreError("the disk is full")]
    replies = await asyncio.gather(*(process.receive("handshake", HANDSHAKE, id="h-1") for _ in range(10)))
    assert {reply.status for reply in replies} <= {503, 204}
    assert await process.status("handshake", HANDSHAKE, id="h-1") == 204
    assert process.outcomes(session) == ["accepted"]


# Overrides


async def test_a_rejected_message_says_that_it_was_on_purpose(process: OscpProcess, session: str) -> None:
    await process.connect(session)
    await process.override(session, mode="reject_heartbeat_with_403")
    assert await process.status("heartbeat", process.heartbeat()) == 403
    entry = process.entries(session)[-1].state
    assert entry.recorded is not None
    assert entry.finalised is not None
    (override,) = process.hosted(session).overrides.active
    assert entry.recorded.overrides == entry.finalised.overrides == (override,)
    assert (entry.finalised.rule, entry.finalised.validation) == ("override.reject", Validation.ACCEPTED)
    assert process.session(session).state.last_heartbeat_received_at is None


async def test_an_ignored_message_gets_no_answer_not_even_when_it_comes_again(
    process: OscpProcess, session: str
) -> None:
    await process.override(session, mode="ignore_handshake")
    assert await process.status("handshake", HANDSHAKE, id="h-1") == 0
    process.sessions.forget(session)
    assert await process.status("handshake", HANDSHAKE, id="h-1") == 0
    assert process.outcomes(session) == ["ignored"]
    await process.override(session, clear="all")
    assert await process.status("handshake", HANDSHAKE, id="h-2") == 204


async def test_a_handshake_whose_answer_is_lost_has_its_effect(process: OscpProcess, session: str) -> None:
    await process.override(session, mode="lose_handshake_answer")
    assert await process.status("handshake", HANDSHAKE) == 0
    assert process.state(session) is Lifecycle.ACCEPTING_HANDSHAKE


async def test_an_outage_swallows_whatever_comes(process: OscpProcess, session: str) -> None:
    await process.override(session, mode="network_outage")
    assert await process.status("handshake", HANDSHAKE) == 0
    assert process.outcomes(session) == ["ignored"]
    assert process.state(session) is Lifecycle.OFFLINE


async def test_an_unavailable_simulator_says_when_to_come_back(process: OscpProcess, session: str) -> None:
    await process.override(session, effect={"type": "unavailable", "retry_after_s": 7})
    reply = await process.receive("handshake", HANDSHAKE)
    assert reply.status == 503
    assert ("retry-after", "7") in reply.headers


async def test_a_mismatch_is_403_with_its_reason(process: OscpProcess, session: str) -> None:
    await process.override(session, effect={"type": "mismatch", "what": "lifecycle"})
    reply = await process.receive("handshake", HANDSHAKE)
    assert reply.status == 403
    assert "lifecycle" in msgspec.json.decode(reply.body)["message"]
    assert process.state(session) is Lifecycle.OFFLINE


async def test_an_accepted_message_that_nobody_can_read_has_no_effect(process: OscpProcess, session: str) -> None:
    await process.override(session, effect={"type": "accept"})
    assert await process.status("handshake", b"{") == 204
    assert process.state(session) is Lifecycle.OFFLINE
    entry = process.entries(session)[-1].state.finalised
    assert entry is not None
    assert entry.validation is Validation.REJECTED


async def test_a_delayed_message_is_under_way_until_it_is_judged_by_the_state_it_then_finds(
    process: OscpProcess, session: str, clock: WallClock
) -> None:
    await process.override(session, effect={"type": "delay", "fixed_ms": 15_000})
    first = asyncio.create_task(process.receive("handshake", HANDSHAKE, id="h-1"))
    await until(lambda: clock.sleepers)
    again = asyncio.create_task(process.receive("handshake", HANDSHAKE, id="h-1"))
    assert process.outcomes(session) == [""]
    assert len(process.session(session).state.open) == 1
    assert process.inbound.in_flight

    clock.advance(15_000_000)
    assert (await first).status == (await again).status == 204
    assert process.outcomes(session) == ["accepted"]
    assert process.session(session).state.open == {}
    assert not process.inbound.in_flight
    finalised = process.entries(session)[0].state.finalised
    assert finalised is not None
    assert finalised.latency_us == 15_000_000
    assert finalised.at == clock.wall_ms


async def test_a_delayed_message_of_an_earlier_attachment_has_no_effect_on_the_present_one(
    process: OscpProcess, session: str, clock: WallClock
) -> None:
    await process.override(session, effect={"type": "delay", "fixed_ms": 15_000})
    delayed = asyncio.create_task(process.receive("handshake", HANDSHAKE, id="h-1"))
    await until(lambda: clock.sleepers)
    await process.service.delete("r", session, ALICE)
    clock.advance(1_000)
    assert await process.attach() == session
    before = len(process.events_of(session))

    clock.advance(15_000_000)
    assert (await delayed).status == 503
    assert [type(event) for event in process.events_of(session)[before:]] == [OscpMessageClosed]
    assert process.outcomes(session) == ["failed"]
    assert process.session(session).state.open == {}
    assert not process.inbound.in_flight


async def test_a_delayed_message_at_another_process_is_answered_when_it_is_answered_there(
    processes: Start, clock: WallClock
) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    session = await here.attach()
    await here.override(session, effect={"type": "delay", "fixed_ms": 1_000})
    first = asyncio.create_task(here.receive("handshake", HANDSHAKE, id="h-1"))
    await until(lambda: clock.sleepers == 1)
    again = asyncio.create_task(there.receive("handshake", HANDSHAKE, id="h-1"))
    await until(lambda: clock.sleepers == 2)
    clock.advance(1_000_000)
    assert (await first).status == 204
    await until(lambda: again.done() or clock.sleepers)
    clock.advance(50_000)
    assert (await again).status == 204
    assert here.outcomes(session) == ["accepted"]


async def test_a_provoked_command_is_carried_out_once_however_often_the_decision_is_repeated(
    processes: Start, partner: FakePartner
) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    session = await here.attach()
    await here.override(
        session, effect={"type": "provoke", "command": "send-handshake"}, match={"message_types": ["Heartbeat"]}
    )
    (override,) = here.hosted(session).overrides.active
    provoked: list[tuple[str, str]] = []
    here.inbound.on_provoked = lambda _, command, by: provoked.append((command, by))
    await there.receive("handshake", HANDSHAKE)  # here does not know of it, and decides in vain at first
    await here.receive("heartbeat", here.heartbeat())
    assert provoked == [("send-handshake", override)]


async def test_what_a_forced_state_leads_to_after_a_reset_is_no_accident(process: OscpProcess, session: str) -> None:
    await process.connect(session)
    await process.service.force_state("r", session, ForceState(Lifecycle.OFFLINE), ALICE)
    [forced] = process.interventions(session)
    [reset] = await process.scenarios.reset("r", ALICE)
    assert reset.interventions == (forced.intervention_id,)
    assert await process.status("heartbeat", process.heartbeat()) == 403
    entry = process.entries(session)[-1].state
    assert entry.finalised is not None
    assert (entry.finalised.rule, entry.finalised.overrides) == ("session.not-online", (forced.intervention_id,))


async def test_an_override_ends_by_count(process: OscpProcess, session: str) -> None:
    await process.override(session, mode="reject_handshake_with_403", times=2)
    assert [await process.status("handshake", HANDSHAKE) for _ in range(3)] == [403, 403, 204]


async def test_an_override_ends_by_time(process: OscpProcess, session: str, clock: WallClock) -> None:
    await process.override(session, mode="reject_handshake_with_403", until="2026-04-02T10:00:10Z")
    assert await process.status("handshake", HANDSHAKE) == 403
    clock.advance(10 * SECOND * 1_000)
    assert await process.status("handshake", HANDSHAKE) == 204
