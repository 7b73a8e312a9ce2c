"""Two processes on one event store serve one session: what the one writes, the other goes by."""

from __future__ import annotations

import pytest

from depot_sim.application.channels.following import ChannelFollower
from depot_sim.application.own_writes import OwnWrites
from depot_sim.domain.oscp.vocabulary import Lifecycle
from tests.application.oscp.conftest import Start
from tests.application.oscp.processes import CONFIGURATION, HANDSHAKE, OscpProcess, WallClock
from tests.application.run.processes import ALICE

pytestmark = pytest.mark.anyio

COMPLIANCE_ERROR = {"message_types": ["GroupCapacityComplianceError"], "outcomes": ["rejected"]}


@pytest.fixture
def there(processes: Start, session: str) -> OscpProcess:
    """Another process, which does not hold the run."""
    return processes("there")


@pytest.fixture
def following(there: OscpProcess, clock: WallClock) -> ChannelFollower:
    return following_of(there, clock)


def following_of(process: OscpProcess, clock: WallClock) -> ChannelFollower:
    return ChannelFollower(OwnWrites(process.journal, process.store.log), process.sessions, clock, "oscp-")


async def test_the_holder_sees_a_message_that_came_elsewhere(
    process: OscpProcess, there: OscpProcess, session: str, clock: WallClock
) -> None:
    following = following_of(process, clock)
    moved: list[Lifecycle] = []
    process.sessions.on_change.append(lambda hosted: moved.append(hosted.session.lifecycle))

    assert await there.status("handshake", HANDSHAKE) == 204
    assert process.state(session) is Lifecycle.OFFLINE
    await following.look()

    assert process.state(session) is Lifecycle.ACCEPTING_HANDSHAKE
    assert moved == [Lifecycle.ACCEPTING_HANDSHAKE]


async def test_an_override_holds_at_every_process(
    process: OscpProcess, there: OscpProcess, session: str, following: ChannelFollower
) -> None:
    assert await there.status("heartbeat", there.heartbeat()) == 403
    await process.override(session, mode="unauthorized_401")
    await following.look()

    assert await there.status("heartbeat", there.heartbeat()) == 401


async def test_an_expectation_is_met_by_a_message_at_any_process(
    process: OscpProcess, there: OscpProcess, session: str, clock: WallClock, following: ChannelFollower
) -> None:
    assert await there.status("heartbeat", there.heartbeat()) == 403
    back = following_of(process, clock)
    asked = {"messages": [COMPLIANCE_ERROR], "within_ms": 60_000}
    raised = await process.scenarios.raise_expectation("r", session, asked, ALICE)
    await following.look()
    assert await there.status("group_capacity_compliance_error", b'{"message":"no"}', correlation="f") == 403
    await back.look()

    view = await process.scenarios.expectation("r", session, raised.expectation_id, 0)
    assert view.verdict == "met"


async def test_what_this_process_wrote_itself_changes_nothing(
    process: OscpProcess, session: str, clock: WallClock
) -> None:
    following = following_of(process, clock)
    hosted = process.hosted(session)
    assert await process.status("handshake", HANDSHAKE) == 204
    version = hosted.session.version
    await following.look()

    assert process.hosted(session) is hosted
    assert hosted.session.version == version


async def test_a_session_that_misses_events_is_loaded_again(
    process: OscpProcess, there: OscpProcess, session: str, following: ChannelFollower
) -> None:
    hosted = await there.sessions.get(session)
    hosted.session.version -= 1
    assert await process.status("handshake", HANDSHAKE) == 204
    await following.look()

    assert hosted.dropped
    found = await there.sessions.by_configuration(CONFIGURATION)
    assert found is not None
    assert (await there.sessions.get(found)).session.lifecycle is Lifecycle.ACCEPTING_HANDSHAKE
