"""Starting, watching and stopping scenarios: what a caller may ask, and what they are told."""

from __future__ import annotations

from typing import Any

import pytest

from depot_sim.application.scenario.service import StartScenario
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import CommandRefused, Conflict, InvalidInput, NotFound
from depot_sim.domain.scenario.execution import ExecutionStatus
from tests.application.run.processes import ALICE, Process
from tests.application.scenario.stage import Scenarios
from tests.domain.configuration.samples import depot
from tests.domain.scenario.scripts import script

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scenarios(process: Process) -> Scenarios:
    await process.start(start_time="2026-03-02T12:00:00+10:00")
    return Scenarios(process)


def pointers(error: pytest.ExceptionInfo[InvalidInput]) -> list[str]:
    return [fault.pointer for fault in error.value.faults]


async def test_an_execution_tells_every_step_and_what_the_names_stand_for(scenarios: Scenarios) -> None:
    begun = await scenarios.service.start("r", StartScenario(name="quiet-controller"), ALICE)

    assert (begun.execution_id, begun.run_id, begun.name) == ("1", "r", "quiet-controller")
    assert (begun.source, begun.status) == ("library:quiet-controller", ExecutionStatus.RUNNING)
    assert begun.names == {"controller": "controller", "node": "grid", "battery": "battery"}
    assert (begun.begins, begun.ends) == ("2026-03-02T12:00:00.000+10:00", "2026-03-02T12:15:00.000+10:00")
    assert [(step.state, step.due[11:19]) for step in begun.steps] == [
        ("applied", "12:00:00"),
        ("waiting", "12:01:30"),
        ("waiting", "12:01:30"),
        ("waiting", "12:10:00"),
    ]
    assert begun.steps[0].body == {"bess": "battery", "soc": "40 %"}
    assert begun == await scenarios.service.execution("r", "1")


async def test_executions_are_numbered_and_listed_with_how_far_they_are(scenarios: Scenarios) -> None:
    assert [await scenarios.start(), await scenarios.start()] == ["1", "2"]
    await scenarios.process.runs.tick("r", 2, ALICE)
    listed = (await scenarios.service.executions("r")).scenarios
    assert [(one.execution_id, one.steps_done, one.steps_total) for one in listed] == [("1", 3, 4), ("2", 3, 4)]


async def test_a_preset_of_the_configuration_goes_before_the_library(process: Process) -> None:
    preset = {"id": "quiet-controller", "settings": {"scenario": script(description="our own")}}
    await process.start(definition=Definition.of(depot(("/scenario_presets/-", preset))))
    begun = await Scenarios(process).service.start("r", StartScenario(name="quiet-controller"), ALICE)
    assert (begun.source, begun.description) == ("preset:quiet-controller", "our own")


@pytest.mark.parametrize(
    ("request_", "where"),
    [
        ({}, [""]),
        ({"name": "x", "document": script()}, [""]),
        ({"name": "quiet-contoller"}, ["/name"]),
        ({"document": script(steps=[{"at": "1 s", "unplugg": {}}], lasts=None)}, ["/document/steps/0/unplugg"]),
        ({"document": script(needs={"controller": "controller"})}, ["/document/steps/0/set-bess-soc/bess"]),
        ({"document": script(), "names": {"battery": "none"}}, ["/names/battery"]),
        ({"document": script(), "begin": "noon"}, ["/begin"]),
    ],
)
async def test_what_cannot_be_started_is_told_by_its_place(
    scenarios: Scenarios, request_: dict[str, Any], where: list[str]
) -> None:
    with pytest.raises(InvalidInput) as error:
        await scenarios.service.start("r", StartScenario(**request_), ALICE)
    assert pointers(error)[: len(where)] == where
    assert scenarios.events() == []


async def test_names_may_be_given(scenarios: Scenarios) -> None:
    begun = await scenarios.service.start("r", StartScenario(document=script(), names={"node": "yard"}), ALICE)
    assert begun.names["node"] == "yard"


async def test_it_may_begin_later_but_not_in_the_past(scenarios: Scenarios) -> None:
    await scenarios.process.runs.tick("r", 5, ALICE)
    with pytest.raises(InvalidInput) as error:
        await scenarios.start(begin="+4 min")
    assert pointers(error) == ["/begin"]
    await scenarios.start(begin="2026-03-02T12:10:00+10:00")
    assert scenarios.topics() == ["execution-started"]
    await scenarios.process.runs.tick("r", 5, ALICE)
    assert scenarios.topics() == ["execution-started", "step-applied"]


async def test_a_start_repeated_under_its_key_starts_nothing_more(scenarios: Scenarios) -> None:
    assert [await scenarios.start(key="k"), await scenarios.start(key="k")] == ["1", "1"]
    with pytest.raises(InvalidInput):
        await scenarios.start(script(description="another"), key="k")


async def test_what_is_called_off_keeps_what_it_did_and_skips_the_rest(scenarios: Scenarios) -> None:
    await scenarios.start()
    stopped = await scenarios.service.stop("r", "1", "called off", ALICE)
    await scenarios.process.runs.tick("r", 20, ALICE)

    assert (stopped.status, stopped.reasons) == (ExecutionStatus.STOPPED, ("called off",))
    assert [step.state for step in stopped.steps] == ["applied", "skipped", "skipped", "skipped"]
    assert await scenarios.service.execution("r", "1") == stopped
    with pytest.raises(Conflict, match="is stopped"):
        await scenarios.service.stop("r", "1", "called off", ALICE)


async def test_what_there_is_not_is_not_found(scenarios: Scenarios) -> None:
    for asking in (
        scenarios.service.executions("nobody"),
        scenarios.service.execution("r", "1"),
        scenarios.service.stop("r", "x", "called off", ALICE),
    ):
        with pytest.raises(NotFound):
            await asking
    with pytest.raises(NotFound, match="no scenario"):
        scenarios.service.scenario("quiet")


async def test_a_stopped_run_plays_nothing(scenarios: Scenarios) -> None:
    await scenarios.process.runs.stop("r", ALICE)
    with pytest.raises(CommandRefused):
        await scenarios.start()


async def test_the_library_tells_what_it_has(process: Process) -> None:
    service = Scenarios(process).service
    (only,) = service.library()
    assert (only.name, only.steps, only.lasts_ms) == ("quiet-controller", 4, 900_000)
    assert service.scenario("quiet-controller").document == script()
    assert service.check(script()) == only
