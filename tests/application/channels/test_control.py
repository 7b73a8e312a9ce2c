"""Overrides and expectations of channels, whatever the family."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from depot_sim.adapters.event_store import open_event_store
from depot_sim.application.channels.control import ChannelControl
from depot_sim.application.event_log import Row
from depot_sim.application.repository import Origin
from depot_sim.domain.interaction.effects import Withhold
from depot_sim.domain.interaction.expectation_events import Moment, Verdict
from depot_sim.domain.interaction.override_events import OverrideApplied
from depot_sim.domain.kernel.errors import Conflict, InvalidInput, NotFound
from depot_sim.domain.packets.named_faults import PACKETS
from tests.application.channels.conftest import SEED
from tests.application.channels.toy import ToyChannel, ToyStore
from tests.application.run.processes import ALICE, FakeClock, Process, until
from tests.domain.scenario.samples import message
from tests.patience import patient

ANSWER = {"messages": [{"message_types": ["Answer"]}], "within_ms": 1_000, "title": "any answer"}

pytestmark = pytest.mark.anyio


@pytest.fixture
def control(process: Process, toys: ToyStore) -> ChannelControl:
    return ChannelControl(PACKETS, toys, toys.decide, process.live, process.tail)


def written(process: Process) -> Sequence[Row]:
    """What is in the log of the toy's overrides and expectations."""
    log = process.store.log
    return [*log.read_stream("override-r/one"), *log.read_stream("expectation-r/one")]


async def answer(toys: ToyStore) -> None:
    def observe(channel: ToyChannel, moment: Moment) -> None:
        channel.expectations.observe(message("Answer", entry_id="a-1"), "accepted", moment)

    await toys.decide("r/one", observe)


async def test_overrides_are_applied_with_the_run_s_seed_listed_and_cleared(
    control: ChannelControl, process: Process
) -> None:
    applied = await control.change_overrides("r", "one", {"mode": "drop_telemetry"}, ALICE)
    (override_id,) = applied.override_ids
    assert (applied.target, applied.override_state) == ("one", "active")
    (applied_event,) = (row.decoded().event for row in written(process))
    assert isinstance(applied_event, OverrideApplied)
    assert applied_event.override.seed == SEED
    (view,) = await control.overrides("r", "one")
    assert (view.override_id, view.mode, view.effect) == (override_id, "drop_telemetry", Withhold())
    assert (view.applied_at, view.until) == ("1970-01-01T00:00:01.000Z", "1970-01-02T00:00:01.000Z")

    cleared = await control.change_overrides("r", "one", {"clear": "all"}, ALICE)
    assert (cleared.override_state, cleared.override_ids) == ("cleared", (override_id,))
    assert await control.overrides("r", "one") == []
    assert [msgspec.json.decode(row.metadata, type=Origin) for row in written(process)] == [ALICE, ALICE]


async def test_who_waits_for_a_verdict_hears_of_it_when_it_falls(control: ChannelControl, toys: ToyStore) -> None:
    raised = await control.raise_expectation("r", "one", ANSWER, ALICE)
    waiting = asyncio.create_task(control.expectation("r", "one", raised.expectation_id, 60))
    await asyncio.sleep(0)
    await answer(toys)
    met = await asyncio.wait_for(waiting, patient(60))
    assert (met.verdict, met.met_by, met.title) == (Verdict.MET, ("a-1",), "any answer")
    assert (await control.expectation("r", "one", raised.expectation_id, 60)).verdict is Verdict.MET


async def test_who_waits_at_another_process_hears_of_the_verdict_when_it_is_committed(postgres_url: str) -> None:
    clock = FakeClock()
    with open_event_store(postgres_url) as here_store, open_event_store(postgres_url) as there_store:
        here, there = Process(here_store, clock, "here"), Process(there_store, clock, "there")
        ours, theirs = (ToyStore(one.store.log, one.journal, one.host, clock) for one in (here, there))
        await here.start()
        await ours.begin("r", "one")
        raised = await ChannelControl(PACKETS, ours, ours.decide, here.live, here.tail).raise_expectation(
            "r", "one", ANSWER, ALICE
        )
        at_theirs = ChannelControl(PACKETS, theirs, theirs.decide, there.live, there.tail)
        waiting = asyncio.create_task(at_theirs.expectation("r", "one", raised.expectation_id, 60))
        await until(theirs.loaded)
        await answer(ours)
        async with asyncio.timeout(patient(30)):
            met = await waiting
        assert (met.verdict, met.met_by) == (Verdict.MET, ("a-1",))
        await here.close()
        await there.close()


async def test_a_wait_ends_without_a_verdict(control: ChannelControl) -> None:
    raised = await control.raise_expectation("r", "one", ANSWER, ALICE)
    assert (await control.expectation("r", "one", raised.expectation_id, 1)).verdict is Verdict.WAITING


async def test_an_expectation_is_called_off_once(control: ChannelControl) -> None:
    id = (await control.raise_expectation("r", "one", ANSWER, ALICE)).expectation_id
    retired = await control.retire_expectation("r", "one", id, ALICE)
    assert (retired.verdict, retired.reason) == (Verdict.RETIRED, "called off")
    with pytest.raises(Conflict):
        await control.retire_expectation("r", "one", id, ALICE)
    assert [view.expectation_id for view in await control.expectations("r", "one")] == [id]


async def test_what_is_not_there_is_not_found(control: ChannelControl) -> None:
    for asking in (
        control.overrides("r", "two"),
        control.change_overrides("r", "two", {"mode": "drop_telemetry"}, ALICE),
        control.change_overrides("r", "one", {"clear": "o-1"}, ALICE),
        control.raise_expectation("s", "one", ANSWER, ALICE),
        control.expectation("r", "one", "none"),
        control.retire_expectation("r", "one", "none", ALICE),
    ):
        with pytest.raises(NotFound):
            await asking


async def test_faulty_requests_change_nothing(control: ChannelControl, process: Process) -> None:
    for asking in (
        control.change_overrides("r", "one", {"mode": "stop_heartbeats"}, ALICE),
        control.raise_expectation("r", "one", {"messages": []}, ALICE),
        control.expectation("r", "one", "none", 61),
    ):
        with pytest.raises(InvalidInput):
            await asking
    assert written(process) == []
