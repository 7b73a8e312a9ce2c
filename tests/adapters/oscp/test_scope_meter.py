"""The meters of a managed scope, on a real store whose read model follows in a thread of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from depot_sim.adapters.event_store import open_event_store
from depot_sim.adapters.oscp.scope_meter import PowerScopeMeter
from depot_sim.adapters.read_store import open_read_store
from depot_sim.application.run.live import LiveRuns
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.oscp.rules import WindowMeters
from depot_sim.projections.power import PowerProjector
from depot_sim.projections.runner import Runner
from depot_sim.read_models import power
from tests.application.run.processes import ALICE, MINUTE, FakeClock, Process
from tests.patience import patient
from tests.projections.samples import DEPOT

pytestmark = pytest.mark.anyio

QUARTER = 15 * MINUTE
DEFINITION: dict[str, Any] = DEPOT | {
    "topology": {
        "nodes": [
            {"id": "grid"},
            {"id": "yard", "parent": "grid", "other_load": [{"at": "00:00", "power": "30 kW"}]},
        ]
    },
    "vehicles": [],
    "chargers": [],
    "pv": [
        {
            "id": "roof",
            "node": "yard",
            "peak": "90 kW",
            "profile": [
                {"at": "12:00", "share": "0 %"},
                {"at": "12:20", "share": "100 %"},
                {"at": "12:25", "share": "0 %"},
            ],
        }
    ],
}
NOON = "2026-01-05T12:00:00+00:00"


@dataclass
class Metering:
    """A run, the read model that follows it, and the meter over both."""

    process: Process
    runner: Runner
    meter: PowerScopeMeter

    async def tick(self, count: int) -> None:
        await self.process.runs.tick("r", count, ALICE)

    async def window(self, begin: int, end: int, scope: str = "site", run_id: str = "r") -> WindowMeters | None:
        return await self.meter.window(run_id, scope, begin, end)


@pytest.fixture
async def metering(store_url: str) -> AsyncIterator[Metering]:
    async with AsyncExitStack() as stack:
        store = stack.enter_context(open_event_store(store_url))
        read = stack.enter_context(closing(open_read_store(store_url, [power.MODEL])))
        process = Process(store, FakeClock(), "here")
        stack.push_async_callback(process.close)
        runner = Runner(store.log, read, [PowerProjector()])
        stack.callback(runner.stop)
        live = LiveRuns(store.log, process.host)
        await process.start(definition=Definition.of(DEFINITION), start_time=NOON)
        waiting = partial(runner.wait_for, power.MODEL)
        yield Metering(process, runner, PowerScopeMeter(read[power.MODEL].database(), live, waiting, store.log))


async def test_a_quarter_of_an_hour_is_metered_by_direction(metering: Metering) -> None:
    metering.runner.start()
    await metering.tick(45)
    assert await metering.window(0, QUARTER) == WindowMeters(7_500_000, 0, 30_000)
    # ten minutes at 30 kW in, five at 60 kW out
    assert await metering.window(QUARTER, 2 * QUARTER) == WindowMeters(5_000_000, 5_000_000, 30_000)


async def test_a_load_that_ends_with_the_moment_a_window_begins_is_not_of_it(metering: Metering) -> None:
    metering.runner.start()
    await metering.tick(30)
    assert await metering.window(20 * MINUTE, 25 * MINUTE) == WindowMeters(0, 5_000_000, -60_000)


async def test_a_window_is_metered_the_moment_the_run_has_come_to_its_end(metering: Metering) -> None:
    metering.runner.start()
    for quarter in range(3):
        await metering.tick(15)
        assert await metering.window(quarter * QUARTER, (quarter + 1) * QUARTER) is not None


async def test_moments_inside_a_tick_are_metered_in_proportion(metering: Metering) -> None:
    metering.runner.start()
    await metering.tick(3)
    assert await metering.window(30_000, 60_500) == WindowMeters(30_000 * 30_500 // 3_600, 0, 30_000)


async def test_a_window_the_run_has_not_come_to_the_end_of_has_no_meters(metering: Metering) -> None:
    metering.runner.start()
    await metering.tick(14)
    assert await metering.window(0, QUARTER) is None
    assert await metering.window(MINUTE, MINUTE) is None


async def test_a_window_that_began_before_the_run_is_not_complete(metering: Metering) -> None:
    metering.runner.start()
    await metering.tick(5)
    assert await metering.window(-10 * MINUTE, 5 * MINUTE) == WindowMeters(2_500_000, 0, 30_000, complete=False)
    assert await metering.window(-20 * MINUTE, -5 * MINUTE) is None


async def test_a_read_model_that_does_not_follow_has_no_meters_and_is_not_waited_for_long(
    metering: Metering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("depot_sim.adapters.oscp.scope_meter.LONGEST_WAIT_SECONDS", 0.01)
    await metering.tick(15)
    assert await metering.window(0, QUARTER) is None
    metering.runner.start()
    assert metering.runner.wait_for(power.MODEL, metering.process.store.log.head(), patient(60))
    assert await metering.window(0, QUARTER) is not None


async def test_an_unknown_scope_has_no_meters_and_an_unknown_run_is_not_found(metering: Metering) -> None:
    metering.runner.start()
    await metering.tick(15)
    assert await metering.window(0, QUARTER, scope="yard") is None
    with pytest.raises(NotFound):
        await metering.window(0, QUARTER, run_id="nobody")
