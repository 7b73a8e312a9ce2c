"""What a scenario expects of a session gets its verdict in time, though nobody moves the run."""

from __future__ import annotations

import pytest

from depot_sim.application.scenario.service import ScenarioService, StartScenario
from depot_sim.domain.interaction.expectation_events import Verdict
from depot_sim.domain.kernel.events import Event, decode
from depot_sim.domain.oscp.named_faults import OSCP
from depot_sim.domain.run.events import ResumeReason, RunTicked
from depot_sim.domain.scenario.execution import stream_of
from depot_sim.domain.scenario.execution_events import ScenarioExecutionFinished, ScenarioExpectationSettled
from tests.application.oscp.conftest import Start
from tests.application.oscp.processes import OscpProcess
from tests.application.run.processes import ALICE, until
from tests.application.scenario.stage import Shelf
from tests.domain.scenario.scripts import READER, Raw

pytestmark = pytest.mark.anyio

WITHIN_30_SECONDS: Raw = {
    "name": "waits",
    "needs": {"session": "oscp-session"},
    "steps": [{"at": "0 s", "expect": {"on": "$session", "within": "30 s", "clock": "wall", "messages": [{}]}}],
}


async def play(process: OscpProcess) -> None:
    process.controls.add(OSCP.target_kind, process.scenarios)
    service = ScenarioService(
        process.store.log, process.host, process.live, process.player, process.controls, Shelf(), READER
    )
    await service.start("r", StartScenario(document=WITHIN_30_SECONDS), ALICE)


def played(process: OscpProcess) -> list[Event]:
    return [decode(row.topic, row.state) for row in process.store.log.read_stream(stream_of("r", "1"))]


@pytest.mark.parametrize("passed_s", [31, 1])
async def test_a_deadline_on_wall_time_that_passes_after_a_takeover_or_before_needs_no_tick(
    processes: Start, passed_s: int
) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    await here.attach()
    await play(here)
    here.forget()
    here.pass_time(passed_s * 1_000)

    there.controls.add(OSCP.target_kind, there.scenarios)
    await there.host.adopt("r", ResumeReason.TAKEOVER)
    await there.tend()
    there.pass_time(31_000 - passed_s * 1_000)
    await until(lambda: ScenarioExecutionFinished.TOPIC in [event.TOPIC for event in played(there)])
    (settled,) = (event for event in played(there) if isinstance(event, ScenarioExpectationSettled))
    assert settled.verdict is Verdict.MISSED
    assert RunTicked.TOPIC not in there.topics()
