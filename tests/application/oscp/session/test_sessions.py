"""How sessions are found, begun and ended. How channels are loaded and saved: tests/application/channels."""

from __future__ import annotations

import asyncio

import pytest

from depot_sim.application.oscp.session.hosted import HostedSession
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.kernel.errors import Conflict, NotFound, RunHeldElsewhere, StoreError
from depot_sim.domain.oscp.vocabulary import Lifecycle
from depot_sim.domain.run.events import ResumeReason
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


async def test_a_session_that_goes_offline_takes_along_what_needs_it_online(process: OscpProcess, session: str) -> None:
    await process.sessions.decide(session, go_online)
    asked = {"messages": [{"message_types": ["Heartbeat"]}], "within_ms": 10_000, "requires_online": True}
    raised = await process.scenarios.raise_expectation("r", session, asked, ALICE)
    await process.sessions.decide(session, disconnect)
    told = await process.scenarios.expectation("r", session, raised.expectation_id)
    assert (told.verdict.value, told.reason) == ("retired", "its target went offline")


async def test_sessions_that_two_processes_begin_at_once_are_both_listed(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start("r")
    await there.start("s")
    ids = await asyncio.gather(*(here.attach("r", remote_configuration_id=f"here-{n}") for n in range(3)))
    ids += await asyncio.gather(
        here.attach("r", remote_configuration_id="here"), there.attach("s", remote_configuration_id="there")
    )
    for process in (here, there):
        assert sorted(await process.sessions.names("r")) == sorted(ids[:4])
        assert await process.sessions.names("s") == [ids[4]]


async def test_a_configuration_belongs_to_the_process_that_lists_it_first(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start("r")
    await there.start("s")
    begun = await asyncio.gather(here.attach("r"), there.attach("s"), return_exceptions=True)
    (refused,) = [one for one in begun if isinstance(one, Conflict)]
    (session,) = [one for one in begun if isinstance(one, str)]
    assert "is in use by run" in str(refused)
    for process in (here, there):
        assert await process.sessions.by_configuration(CONFIGURATION) == session


async def test_a_session_that_could_not_be_listed_has_not_begun(process: OscpProcess) -> None:
    await process.start()
    process.journal.outcomes = [StoreError("the disk is full")]
    with pytest.raises(StoreError):
        await process.attach()
    assert await process.sessions.names("r") == []
    assert await process.sessions.by_configuration(CONFIGURATION) is None
    session = await process.attach()
    assert await process.sessions.names("r") == [session]


async def test_a_session_that_could_not_be_unlisted_goes_on(process: OscpProcess, session: str) -> None:
    process.journal.outcomes = [StoreError("the disk is full")]
    with pytest.raises(StoreError):
        await process.service.delete("r", session, ALICE)
    assert await process.sessions.by_configuration(CONFIGURATION) == session
    assert (await process.sessions.get(session)).session.is_active
    await process.service.delete("r", session, ALICE)
    assert await process.sessions.by_configuration(CONFIGURATION) is None


async def test_a_token_that_is_listed_finds_the_session_in_every_process(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    session = await here.attach()
    assert await there.sessions.by_token("digest") is None
    await here.sessions.list_token(session, "digest")
    assert await there.sessions.by_token("digest") == session
    with pytest.raises(RunHeldElsewhere):
        await there.sessions.list_token(session, "other")
    assert await there.sessions.by_token("other") is None


async def test_a_session_that_begins_again_while_a_request_asks_for_it_is_served(
    processes: Start, process: OscpProcess, session: str
) -> None:
    """The request finds the ended session and drops it, after the new beginning has loaded it."""
    here, there = process, processes("there")
    await here.connect(session)
    here.forget("r")
    await there.host.adopt("r", ResumeReason.TAKEOVER)
    await there.service.delete("r", session, ALICE)
    there.forget("r")
    await here.host.adopt("r", ResumeReason.TAKEOVER)
    here.sessions.forget(session)
    await asyncio.gather(here.receive("heartbeat", here.heartbeat()), here.attach())
    assert await here.sessions.decide(session, go_online) is Lifecycle.ONLINE
    await here.service.delete("r", session, ALICE)
