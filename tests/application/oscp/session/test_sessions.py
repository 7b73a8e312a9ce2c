"""Sessions in memory: found, decided on without waiting, and loaded again when somebody else was quicker."""

from __future__ import annotations

import asyncio

import pytest

from depot_sim.application.oscp.session.hosted import HostedSession
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.kernel.errors import (
    CommandRefused,
    LeaseLost,
    NotFound,
    RunHeldElsewhere,
    StoreError,
    VersionConflict,
)
from depot_sim.domain.oscp.ledger import OscpMessageLedgerEntry
from depot_sim.domain.oscp.vocabulary import Lifecycle
from tests.application.oscp.conftest import Start
from tests.application.oscp.processes import CONFIGURATION, OscpProcess
from tests.application.run.processes import ALICE

pytestmark = pytest.mark.anyio


def go_online(hosted: HostedSession, moment: Moment) -> Lifecycle:
    hosted.session.force(Lifecycle.ONLINE, moment.target)
    return hosted.session.lifecycle


def disconnect(hosted: HostedSession, moment: Moment) -> Lifecycle:
    hosted.session.disconnect(moment.target)
    return hosted.session.lifecycle


async def test_a_session_is_loaded_once_for_all_who_ask(process: OscpProcess, session: str) -> None:
    process.sessions.forget(session)
    loaded = await asyncio.gather(*(process.sessions.get(session) for _ in range(10)))
    assert len({id(hosted) for hosted in loaded}) == 1


async def test_a_session_that_is_forgotten_as_soon_as_it_is_loaded_is_loaded_again(
    process: OscpProcess, session: str
) -> None:
    process.sessions.forget(session)
    loading = asyncio.create_task(process.sessions.get(session))
    while not (loaded := process.sessions.loaded()):  # noqa: ASYNC110 - every turn of the loop matters here
        await asyncio.sleep(0)
    process.sessions.forget(session)

    assert not (await process.sessions.get(session)).dropped
    assert await loading is loaded[0]


async def test_sessions_are_found_by_what_a_request_shows(process: OscpProcess, session: str) -> None:
    assert await process.sessions.by_configuration(CONFIGURATION) == session
    assert await process.sessions.by_configuration("nobody's") is None
    assert await process.sessions.by_token("unknown") is None
    assert await process.sessions.names("r") == [session]
    with pytest.raises(NotFound):
        await process.sessions.get("nobody")


async def test_whoever_asks_for_a_session_whose_beginning_is_being_written_does_not_stand_in_its_way(
    process: OscpProcess,
) -> None:
    await process.start()
    process.journal.asked.clear()
    process.journal.open.clear()
    beginning = asyncio.create_task(process.attach())
    await process.journal.asked.wait()
    assert await process.sessions.by_configuration(CONFIGURATION) is None
    assert process.sessions.loaded() == []

    process.journal.open.set()
    session = await beginning
    assert await process.sessions.by_configuration(CONFIGURATION) == session
    assert await process.sessions.decide(session, go_online) is Lifecycle.ONLINE


async def test_decisions_share_commits_and_are_written_in_their_order(process: OscpProcess, session: str) -> None:
    states = await asyncio.gather(
        *(process.sessions.decide(session, go_online if turn % 2 == 0 else disconnect) for turn in range(20))
    )
    assert states == [Lifecycle.ONLINE, Lifecycle.OFFLINE] * 10
    live = process.session(session).state
    process.sessions.forget(session)
    assert (await process.sessions.get(session)).session.state == live


async def test_a_decision_is_repeated_on_what_another_process_wrote_first(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    session = await here.attach()
    await there.sessions.get(session)
    await here.sessions.decide(session, go_online)
    seen: list[Lifecycle] = []

    def look_and_disconnect(hosted: HostedSession, moment: Moment) -> Lifecycle:
        seen.append(hosted.session.lifecycle)
        hosted.session.switch_heartbeats(False, moment.target)
        return hosted.session.lifecycle

    assert await there.sessions.decide(session, look_and_disconnect, fenced=False) is Lifecycle.ONLINE
    assert seen == [Lifecycle.OFFLINE, Lifecycle.ONLINE]


async def test_a_conflict_on_what_is_saved_beside_is_the_callers(process: OscpProcess, session: str) -> None:
    await process.receive("handshake", b"{", id="m-1")
    stream = process.entries(session)[0].stream
    recorded = process.entries(session)[0].state.recorded
    assert recorded is not None

    def record_again(hosted: HostedSession, moment: Moment) -> None:
        entry = OscpMessageLedgerEntry(stream)
        entry.record(recorded)
        hosted.session.force(Lifecycle.ONLINE, moment.target)
        hosted.save_with(entry)

    with pytest.raises(VersionConflict) as conflict:
        await process.sessions.decide(session, record_again)
    assert conflict.value.stream == stream
    assert (await process.sessions.get(session)).session.lifecycle is Lifecycle.OFFLINE


async def test_a_decision_that_fails_halfway_leaves_nothing(process: OscpProcess, session: str) -> None:
    def half(hosted: HostedSession, moment: Moment) -> None:
        hosted.session.force(Lifecycle.ONLINE, moment.target)
        raise CommandRefused("on second thoughts, no")

    with pytest.raises(CommandRefused):
        await process.sessions.decide(session, half)
    assert (await process.sessions.get(session)).session.lifecycle is Lifecycle.OFFLINE


async def test_what_could_not_be_written_is_forgotten_with_what_was_decided_on_it(
    process: OscpProcess, session: str
) -> None:
    process.journal.outcomes = [StoreError("the disk is full")]
    first, second = await asyncio.gather(
        process.sessions.decide(session, go_online),
        process.sessions.decide(session, disconnect),
        return_exceptions=True,
    )
    assert isinstance(first, StoreError)
    assert second is Lifecycle.OFFLINE
    hosted = await process.sessions.get(session)
    assert hosted.session.lifecycle is Lifecycle.OFFLINE
    assert not hosted.session.pending


async def test_commands_need_the_run_and_messages_do_not(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    session = await here.attach()
    with pytest.raises(RunHeldElsewhere):
        await there.sessions.decide(session, go_online)
    assert await there.sessions.decide(session, go_online, fenced=False) is Lifecycle.ONLINE


async def test_a_process_that_has_lost_the_run_and_does_not_know_it_can_write_nothing(processes: Start) -> None:
    here = processes("here")
    await here.start()
    session = await here.attach()
    here.lose_lease()
    with pytest.raises(LeaseLost):
        await here.sessions.decide(session, go_online)
    assert (await here.sessions.get(session)).session.lifecycle is Lifecycle.OFFLINE


async def test_whoever_waits_for_a_change_hears_of_it_once_it_is_written(process: OscpProcess, session: str) -> None:
    told: list[Lifecycle] = []
    process.sessions.on_change.append(lambda hosted: told.append(hosted.session.lifecycle))
    changed = process.sessions.changed(session)
    await process.sessions.decide(session, lambda *_: None)
    assert not changed.is_set()
    await process.sessions.decide(session, go_online)
    assert changed.is_set()
    assert told == [Lifecycle.ONLINE]


async def test_a_session_that_goes_offline_takes_along_what_needs_it_online(process: OscpProcess, session: str) -> None:
    await process.sessions.decide(session, go_online)
    asked = {"messages": [{"message_types": ["Heartbeat"]}], "within_ms": 10_000, "requires_online": True}
    raised = await process.scenarios.raise_expectation("r", session, asked, ALICE)
    await process.sessions.decide(session, disconnect)
    told = await process.scenarios.expectation("r", session, raised.expectation_id)
    assert (told.verdict.value, told.reason) == ("retired", "its target went offline")
