"""Playing scenarios: every step once, between the right two ticks, however the run is moved and whatever breaks."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from depot_sim.adapters.event_store import open_event_store
from depot_sim.application.run.requests import ClockRequest
from depot_sim.application.scenario import playing
from depot_sim.domain.interaction.expectation_events import MessageExpectationRaised, Verdict
from depot_sim.domain.interaction.override_events import OverrideApplied, OverrideCleared
from depot_sim.domain.interaction.overrides import MOST_ACTIVE
from depot_sim.domain.kernel.errors import CommandRefused, Conflict, StoreError
from depot_sim.domain.kernel.quantities import Duration
from depot_sim.domain.run.commands import SetBess
from depot_sim.domain.run.events import ClockMode, RunTicked
from depot_sim.domain.run.world.state import Dispatch
from depot_sim.domain.scenario.execution import ExecutionStatus
from depot_sim.domain.scenario.execution_events import (
    ScenarioExecutionFinished,
    ScenarioExecutionStopped,
    ScenarioStepApplied,
    ScenarioStepRefused,
    ScenarioVerdict,
)
from tests.application.run.conftest import Start
from tests.application.run.processes import ALICE, FakeClock, Process, until
from tests.application.scenario.stage import MINUTE, SECOND, Scenarios
from tests.domain.scenario.scripts import Raw, script

pytestmark = pytest.mark.anyio

WITH_A_TARGET: Raw = {
    "name": "forced",
    "needs": {"session": "oscp-session", "battery": "bess"},
    "steps": [
        {"at": "1 min", "override": {"on": "$session", "mode": "network_outage"}},
        {"at": "2 min", "expect": {"on": "$session", "within": "30 s", "messages": [{}]}},
        {"at": "3 min", "set-bess": {"bess": "$battery", "dispatch": "ACTIVE", "setpoint": "5 kW"}},
        {"at": "4 min", "clear-overrides": {"on": "$session"}},
    ],
}


@pytest.fixture
async def scenarios(process: Process) -> Scenarios:
    await process.start()
    scenarios = Scenarios(process)
    await scenarios.begin_session()
    return scenarios


def applied(scenarios: Scenarios) -> list[tuple[int, int, int]]:
    """(index, due, applied) of every step that was carried out."""
    events = scenarios.events()
    return [(event.index, event.due_at, event.at) for event in events if isinstance(event, ScenarioStepApplied)]


async def test_steps_are_carried_out_at_the_first_tick_boundary_that_is_not_before_them(scenarios: Scenarios) -> None:
    await scenarios.start()
    assert applied(scenarios) == [(0, 0, 0)]
    await scenarios.process.runs.advance_to("r", "+20 min", ALICE)

    assert applied(scenarios) == [
        (0, 0, 0),
        (1, 90 * SECOND, 2 * MINUTE),
        (2, 90 * SECOND, 2 * MINUTE),
        (3, 10 * MINUTE, 10 * MINUTE),
    ]
    finished = scenarios.events()[-1]
    assert isinstance(finished, ScenarioExecutionFinished)
    assert (finished.at, finished.verdict) == (15 * MINUTE, ScenarioVerdict.UNVERIFIED)


async def test_a_step_says_which_events_it_made(scenarios: Scenarios) -> None:
    await scenarios.start()
    event = scenarios.events()[1]
    assert isinstance(event, ScenarioStepApplied)
    assert event.topics == ("bess.state-of-charge-set.1",)


async def test_steps_due_where_an_advance_ends_belong_to_it(scenarios: Scenarios) -> None:
    await scenarios.start()
    outcome = await scenarios.process.runs.tick("r", 2, ALICE)
    assert len(applied(scenarios)) == 3
    assert outcome.version == scenarios.process.version()


async def moved(scenarios: Scenarios, how: str) -> None:
    runs = scenarios.process.runs
    if how == "one long advance":
        await runs.advance_to("r", "+20 min", ALICE)
    elif how == "single ticks":
        for _ in range(20):
            await runs.tick("r", 1, ALICE)
    else:
        await runs.advance_to("r", "+7 min", ALICE)
        await runs.tick("r", 13, ALICE)


@pytest.mark.parametrize("how", ["single ticks", "uneven steps"])
async def test_however_a_run_is_moved_it_comes_to_the_same(how: str) -> None:
    assert await told_by("one long advance") == await told_by(how)


async def told_by(how: str) -> tuple[Any, ...]:
    """Canonical hash and the scenario's events of a run of its own."""
    with open_event_store("memory:") as store:
        process = Process(store, FakeClock(), "here")
        await process.start()
        scenarios = Scenarios(process)
        await scenarios.start()
        await moved(scenarios, how)
        told = scenarios.canonical_sha256(), scenarios.events()
        await process.close()
        return told


async def test_a_run_that_follows_wall_time_comes_to_the_same(processes: Start, clock: FakeClock) -> None:
    process = processes("here")
    await process.start(clock=ClockRequest(ClockMode.REALTIME, "60"), tick=Duration(MINUTE))
    scenarios = Scenarios(process)
    await scenarios.start()
    while process.topics().count(RunTicked.TOPIC) < 20:
        await until(lambda: clock.sleepers == 1)
        clock.advance(SECOND * 1_000)
    await until(lambda: len(scenarios.events()) == 6)
    assert (scenarios.canonical_sha256(), scenarios.events()) == await told_by("one long advance")


async def test_whatever_append_fails_every_step_happens_once(processes: Start) -> None:
    """Also at the moment between a tick and the step that is due then."""
    whole = await told_by("one long advance")
    for failing in range(1, 12):
        assert await told_with_a_failure(failing) == whole, failing


async def told_with_a_failure(failing: int) -> tuple[Any, ...]:
    with open_event_store("memory:") as store:
        process = Process(store, FakeClock(), "here")
        await process.start()
        scenarios = Scenarios(process)
        await scenarios.start()
        process.journal.outcomes = [*[None] * failing, StoreError("the disk is full")]
        with contextlib.suppress(StoreError):
            await process.runs.advance_to("r", "+20 min", ALICE)
        process.journal.outcomes = []
        await process.runs.advance_to("r", "+20 min", ALICE)
        told = scenarios.canonical_sha256(), scenarios.events()
        await process.close()
        return told


async def test_whoever_holds_the_run_next_goes_on_with_it(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    await Scenarios(here).start()
    await here.runs.advance_to("r", "+5 min", ALICE)
    here.forget()
    scenarios = Scenarios(there)
    await there.runs.advance_to("r", "+20 min", ALICE)
    assert (scenarios.canonical_sha256(), scenarios.events()) == await told_by("one long advance")


async def test_a_step_that_is_overdue_goes_before_the_next_command(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    await Scenarios(here).start(
        script(steps=[{"at": "1 min", "set-bess": {"bess": "$battery", "dispatch": "SCHEDULED"}}])
    )
    here.journal.outcomes = [None, StoreError("killed between the tick and the step")]
    with pytest.raises(StoreError):
        await here.runs.tick("r", 1, ALICE)
    here.store.leases.release("r", 1)
    await there.runs.command("r", SetBess("battery", dispatch=Dispatch.REJECTED), ALICE)
    changes = [event.dispatch for event in there.events() if event.TOPIC == "bess.state-changed.1"]  # type: ignore[attr-defined]
    assert changes == [Dispatch.SCHEDULED, Dispatch.REJECTED]


async def test_a_refused_step_is_recorded_and_the_scenario_goes_on_and_fails(scenarios: Scenarios) -> None:
    beating = {"controller": "$controller", "beating": True}
    await scenarios.start(
        script(
            steps=[
                {"at": "1 min", "set-controller-heartbeats": beating},
                {"at": "2 min", "set-controller-heartbeats": beating | {"beating": False}},
            ],
            lasts=None,
        )
    )
    await scenarios.process.runs.tick("r", 1, ALICE)
    assert "controller.heartbeats-changed.1" not in scenarios.process.topics()
    await scenarios.process.runs.tick("r", 1, ALICE)
    assert scenarios.process.topics().count("controller.heartbeats-changed.1") == 1

    refused, done, finished = scenarios.events()[1:]
    assert isinstance(refused, ScenarioStepRefused)
    assert (refused.reason, refused.error) == ("controller sends heartbeats like that already", "command-refused")
    assert isinstance(done, ScenarioStepApplied)
    assert isinstance(finished, ScenarioExecutionFinished)
    assert (finished.verdict, len(finished.reasons)) == (ScenarioVerdict.FAILED, 1)


async def test_what_was_done_by_half_is_not_kept(scenarios: Scenarios, monkeypatch: pytest.MonkeyPatch) -> None:
    """No command of today stops halfway; one that does must neither leave traces nor be tried for ever."""
    await scenarios.start(script(steps=[{"at": "1 min", "set-bess": {"bess": "$battery", "dispatch": "SCHEDULED"}}]))
    held = scenarios.process.host.held("r")
    assert held is not None
    whole = type(held.run).command

    def half(run: Any, command: Any) -> None:
        whole(run, command)
        raise CommandRefused("halfway")

    monkeypatch.setattr(type(held.run), "command", half)
    with pytest.raises(Conflict, match="reloaded"):
        await scenarios.process.runs.tick("r", 1, ALICE)
    monkeypatch.undo()
    await scenarios.process.runs.tick("r", 1, ALICE)
    assert "bess.state-changed.1" not in scenarios.process.topics()
    assert scenarios.topics() == ["execution-started", "step-refused"]


async def test_overrides_and_expectations_go_to_their_target_and_leave_their_ids(scenarios: Scenarios) -> None:
    await scenarios.start(WITH_A_TARGET)
    await scenarios.process.runs.advance_to("r", "+5 min", ALICE)

    applied, cleared = (row.decoded().event for row in scenarios.process.store.log.read_stream("override-r/s-1"))
    assert isinstance(applied, OverrideApplied)
    assert isinstance(cleared, OverrideCleared)
    expected = [row.decoded().event for row in scenarios.process.store.log.read_stream("expectation-r/s-1")]
    (raised,) = [event for event in expected if isinstance(event, MessageExpectationRaised)]
    assert raised.expectation.deadline == raised.at + 30_000
    left = [
        (e.target, e.override_ids, e.expectation_id) for e in scenarios.events() if isinstance(e, ScenarioStepApplied)
    ]
    assert left == [
        ("s-1", (applied.override_id,), ""),
        ("s-1", (), raised.expectation_id),
        ("", (), ""),
        ("s-1", (cleared.override_id,), ""),
    ]


async def test_it_is_not_over_before_its_expectations_are_settled(scenarios: Scenarios, clock: FakeClock) -> None:
    await scenarios.start(WITH_A_TARGET)
    await scenarios.process.runs.advance_to("r", "+5 min", ALICE)
    assert scenarios.topics()[-1] == "step-applied"
    await scenarios.receive_message()
    await until(lambda: scenarios.topics()[-1] == "execution-finished")
    assert scenarios.events()[-1] == ScenarioExecutionFinished(5 * MINUTE, ScenarioVerdict.PASSED)


async def test_a_missed_expectation_fails_it(scenarios: Scenarios) -> None:
    await scenarios.start(WITH_A_TARGET)
    await scenarios.process.runs.advance_to("r", "+3 min", ALICE)
    await scenarios.pass_deadlines()
    await scenarios.process.runs.advance_to("r", "+5 min", ALICE)
    finished = scenarios.events()[-1]
    assert isinstance(finished, ScenarioExecutionFinished)
    assert finished.reasons == ("step 2: what was expected was missed (deadline)",)


async def test_a_verdict_is_kept_as_soon_as_it_is_known(scenarios: Scenarios, clock: FakeClock) -> None:
    """Targets forget what was settled long ago."""
    await scenarios.start(WITH_A_TARGET)
    await scenarios.process.runs.advance_to("r", "+2 min", ALICE)
    await scenarios.receive_message()
    await until(lambda: scenarios.topics()[-1] == "expectation-settled")
    await scenarios.forget_verdicts()
    await scenarios.process.runs.advance_to("r", "+5 min", ALICE)

    view = await scenarios.service.execution("r", "1")
    assert (view.status, view.steps[1].verdict) == (ExecutionStatus.PASSED, Verdict.MET)


async def test_an_expectation_that_is_gone_was_not_met(scenarios: Scenarios) -> None:
    await scenarios.start(WITH_A_TARGET)
    await scenarios.process.runs.advance_to("r", "+3 min", ALICE)
    scenarios.toys.gone.add("s-1")
    await scenarios.process.runs.advance_to("r", "+5 min", ALICE)
    view = await scenarios.service.execution("r", "1")
    assert (view.status, view.steps[1].verdict) == (ExecutionStatus.FAILED, Verdict.MISSED)


async def test_a_target_that_refuses_is_a_refused_step(scenarios: Scenarios) -> None:
    for _ in range(MOST_ACTIVE):
        await scenarios.control.change_overrides("r", "s-1", {"mode": "network_outage"}, ALICE)
    await scenarios.start(WITH_A_TARGET)
    await scenarios.process.runs.tick("r", 1, ALICE)
    assert scenarios.topics()[1:] == ["step-refused"]


async def test_a_target_that_never_answers_does_not_stop_the_run(
    scenarios: Scenarios, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> str:
        await asyncio.Event().wait()
        raise AssertionError("it never comes to this")

    monkeypatch.setattr(scenarios.control, "change_overrides", never)
    monkeypatch.setattr(playing, "PATIENCE_SECONDS", 0)
    await scenarios.start(WITH_A_TARGET)
    await scenarios.process.runs.tick("r", 1, ALICE)
    assert scenarios.topics()[1:] == ["step-refused"]


async def test_a_store_that_fails_loses_no_step(scenarios: Scenarios) -> None:
    await scenarios.start(WITH_A_TARGET)
    scenarios.process.journal.outcomes = [None, StoreError("the disk is full")]
    with pytest.raises(StoreError):
        await scenarios.process.runs.tick("r", 1, ALICE)
    await scenarios.process.runs.tick("r", 1, ALICE)
    assert len(await scenarios.control.overrides("r", "s-1")) == 1
    assert len(await scenarios.control.expectations("r", "s-1")) == 1


async def test_a_run_that_is_stopped_takes_its_scenarios_along(scenarios: Scenarios) -> None:
    await scenarios.start()
    await scenarios.process.runs.tick("r", 3, ALICE)
    await scenarios.process.runs.stop("r", ALICE)
    assert scenarios.events()[-1] == ScenarioExecutionStopped(3 * MINUTE, "the run was stopped")


async def test_two_scenarios_take_turns_by_their_moments(scenarios: Scenarios) -> None:
    def at(moment: str, dispatch: str) -> Raw:
        return script(lasts=None, steps=[{"at": moment, "set-bess": {"bess": "$battery", "dispatch": dispatch}}])

    await scenarios.start(at("90 s", "ACTIVE"))
    await scenarios.start(at("80 s", "SCHEDULED"))
    await scenarios.start(at("90 s", "COMPLETED"))
    await scenarios.process.runs.advance_to("r", "+5 min", ALICE)
    changes = [event.dispatch.value for event in scenarios.process.events() if event.TOPIC == "bess.state-changed.1"]  # type: ignore[attr-defined]
    assert changes == ["SCHEDULED", "ACTIVE", "COMPLETED"]


SETTLE_US = 5_000_000


async def over(process: Process, remaining: int) -> Scenarios:
    """A scenario at its end, with so many deliveries left, which have been looked at."""
    await process.start(clock=ClockRequest(ClockMode.MANUAL))
    scenarios = Scenarios(process, delivers=True)
    await scenarios.begin_session()
    scenarios.post.remaining = remaining
    await scenarios.start(WITH_A_TARGET)
    await process.runs.advance_to("r", "+3 min", ALICE)
    await scenarios.receive_message()
    await process.runs.advance_to("r", "+5 min", ALICE)
    await until(lambda: scenarios.post.looks == 1)
    return scenarios


async def test_deliveries_that_are_left_make_it_fail_when_none_comes_for_a_while(process: Process) -> None:
    scenarios = await over(process, 2)
    process.clock.advance(SETTLE_US)
    await until(lambda: scenarios.topics()[-1] == "execution-finished")
    reasons = (f"2 letters from 0 to {4 * MINUTE}",)
    assert scenarios.events()[-1] == ScenarioExecutionFinished(5 * MINUTE, ScenarioVerdict.FAILED, reasons)


async def test_deliveries_have_as_long_as_some_of_them_go_on(process: Process) -> None:
    scenarios = await over(process, 2)
    process.clock.advance(SETTLE_US - 1_000_000)
    scenarios.post.remaining = 1
    await scenarios.control.change_overrides("r", "s-1", {"mode": "network_outage"}, ALICE)  # any change
    await until(lambda: scenarios.post.looks == 2)
    process.clock.advance(SETTLE_US - 1_000_000)
    scenarios.post.remaining = 0
    await scenarios.control.change_overrides("r", "s-1", {"mode": "network_outage"}, ALICE)  # any change
    await until(lambda: scenarios.topics()[-1] == "execution-finished")
    assert scenarios.events()[-1] == ScenarioExecutionFinished(5 * MINUTE, ScenarioVerdict.PASSED)
