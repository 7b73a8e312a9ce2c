"""A run that is moved waits at each of its instants for what its sessions on run time have under way."""

from __future__ import annotations

import asyncio

import pytest

from depot_sim.application.oscp.requests import ForceState
from depot_sim.application.run.requests import ClockRequest
from depot_sim.domain.kernel.quantities import Duration
from depot_sim.domain.oscp.vocabulary import Direction, Lifecycle, SessionClock
from depot_sim.domain.run.events import ClockMode
from tests.application.oscp.processes import FakePartner, OscpProcess, WallClock
from tests.application.run.processes import ALICE, pass_time_until_done, until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def session(process: OscpProcess) -> str:
    """Online, on the clock of a run that is moved by hand in ticks of a second."""
    await process.start(clock=ClockRequest(ClockMode.MANUAL), tick=Duration(1_000))
    session = await process.attach(clock=SessionClock.RUN)
    await process.tend()
    await process.service.force_state("r", session, ForceState(Lifecycle.ONLINE), ALICE)
    await until(lambda: outcomes(process, session))
    return session


def outcomes(process: OscpProcess, session: str) -> list[str]:
    """Of the heartbeats that the log has."""
    return process.outcomes(session, "Heartbeat", Direction.OUTBOUND)


async def test_heartbeats_that_are_due_are_sent_and_answered_before_the_run_goes_on(
    process: OscpProcess, session: str
) -> None:
    interval = process.session(session).attached.policy.heartbeat_interval_ms // 1_000
    before = len(outcomes(process, session))
    outcome = await process.runs.tick("r", 2 * interval, ALICE)
    assert outcomes(process, session) == ["accepted"] * (before + 2)
    assert (outcome.waits, outcome.give_ups) == (2, 0)


async def test_a_partner_that_never_answers_holds_up_one_instant(
    process: OscpProcess, session: str, partner: FakePartner, clock: WallClock
) -> None:
    partner.hold()
    ticking = asyncio.create_task(process.runs.tick("r", 10, ALICE))
    await pass_time_until_done(ticking, clock)
    outcome = await ticking
    assert (outcome.at, outcome.give_ups, outcome.silent) == (10_000, 1, (session,))
    partner.release()
