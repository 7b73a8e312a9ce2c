"""Scenario control of whatever holds overrides and expectations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import pytest

from depot_sim.application.repository import Origin
from depot_sim.application.run.live import LiveRuns
from depot_sim.application.scenario.control import ScenarioControl, Target
from depot_sim.domain.interaction.effects import Withhold
from depot_sim.domain.interaction.expectation_events import Moment, Verdict
from depot_sim.domain.interaction.expectations import Expectations
from depot_sim.domain.interaction.family import Family
from depot_sim.domain.interaction.overrides import Overrides
from depot_sim.domain.kernel.errors import Conflict, InvalidInput, NotFound
from depot_sim.domain.kernel.instants import Instant
from depot_sim.domain.packets.named_faults import PACKETS
from tests.domain.scenario.samples import message, moment
from tests.patience import patient

T = TypeVar("T")
NOW = int(Instant.parse("2026-04-02T10:00:00Z"))
SEED = 7
ANA = Origin("ana")
ANSWER = {"messages": [{"message_types": ["Answer"]}], "within_ms": 1_000, "title": "any answer"}

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class One:
    """The only target of the only run."""

    family: Family = PACKETS

    def __init__(self) -> None:
        self.overrides = Overrides("target")
        self.expectations = Expectations("target")
        self.origins: list[Origin] = []
        self._changed = asyncio.Event()

    async def find(self, run_id: str, name: str) -> Target:
        if (run_id, name) != ("r", "one"):
            raise NotFound(f"run {run_id} has no {name}")
        return self

    async def decide(self, run_id: str, name: str, decision: Callable[[Target, Moment], T], origin: Origin) -> T:
        result = decision(await self.find(run_id, name), moment(NOW))
        self.origins.append(origin)
        self._move()
        return result

    def changed(self, run_id: str, name: str) -> asyncio.Event:  # noqa: ARG002 - there is one only
        return self._changed

    def answer(self) -> None:
        self.expectations.observe(message("Answer", entry_id="a-1"), "accepted", moment(NOW + 1))
        self._move()

    def _move(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


@pytest.fixture
async def one() -> One:
    return One()


@pytest.fixture
def control(one: One) -> ScenarioControl:
    async def get(_: str) -> Any:
        return SimpleNamespace(started=SimpleNamespace(seed=SEED))

    return ScenarioControl(one, cast("LiveRuns", SimpleNamespace(get=get)))


async def test_overrides_are_applied_with_the_run_s_seed_listed_and_cleared(control: ScenarioControl, one: One) -> None:
    applied = await control.change_overrides("r", "one", {"mode": "drop_telemetry"}, ANA)
    (override_id,) = applied.override_ids
    assert (applied.target, applied.override_state) == ("one", "active")
    assert one.overrides.active[override_id].override.seed == SEED
    (view,) = await control.overrides("r", "one")
    assert (view.override_id, view.mode, view.effect) == (override_id, "drop_telemetry", Withhold())
    assert (view.applied_at, view.until) == ("2026-04-02T10:00:00.000Z", "2026-04-03T10:00:00.000Z")

    cleared = await control.change_overrides("r", "one", {"clear": "all"}, ANA)
    assert (cleared.override_state, cleared.override_ids) == ("cleared", (override_id,))
    assert await control.overrides("r", "one") == []
    assert one.origins == [ANA, ANA]


async def test_who_waits_for_a_verdict_hears_of_it_when_it_falls(control: ScenarioControl, one: One) -> None:
    raised = await control.raise_expectation("r", "one", ANSWER, ANA)
    waiting = asyncio.create_task(control.expectation("r", "one", raised.expectation_id, 60))
    await asyncio.sleep(0)
    one.answer()
    met = await asyncio.wait_for(waiting, patient(60))
    assert (met.verdict, met.met_by, met.title) == (Verdict.MET, ("a-1",), "any answer")
    assert (await control.expectation("r", "one", raised.expectation_id, 60)).verdict is Verdict.MET


async def test_a_wait_ends_without_a_verdict(control: ScenarioControl) -> None:
    raised = await control.raise_expectation("r", "one", ANSWER, ANA)
    assert (await control.expectation("r", "one", raised.expectation_id, 1)).verdict is Verdict.WAITING


async def test_an_expectation_is_called_off_once(control: ScenarioControl) -> None:
    id = (await control.raise_expectation("r", "one", ANSWER, ANA)).expectation_id
    retired = await control.retire_expectation("r", "one", id, ANA)
    assert (retired.verdict, retired.reason) == (Verdict.RETIRED, "called off")
    with pytest.raises(Conflict):
        await control.retire_expectation("r", "one", id, ANA)
    assert [view.expectation_id for view in await control.expectations("r", "one")] == [id]


async def test_what_is_not_there_is_not_found(control: ScenarioControl) -> None:
    for asking in (
        control.overrides("r", "two"),
        control.change_overrides("r", "two", {"mode": "drop_telemetry"}, ANA),
        control.change_overrides("r", "one", {"clear": "o-1"}, ANA),
        control.raise_expectation("s", "one", ANSWER, ANA),
        control.expectation("r", "one", "none"),
        control.retire_expectation("r", "one", "none", ANA),
    ):
        with pytest.raises(NotFound):
            await asking


async def test_faulty_requests_change_nothing(control: ScenarioControl, one: One) -> None:
    for asking in (
        control.change_overrides("r", "one", {"mode": "stop_heartbeats"}, ANA),
        control.raise_expectation("r", "one", {"messages": []}, ANA),
        control.expectation("r", "one", "none", 61),
    ):
        with pytest.raises(InvalidInput):
            await asking
    assert one.origins == []
