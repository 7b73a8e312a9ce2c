"""What people see of forecasts: on the node their managed scope is on."""

from __future__ import annotations

import pytest

from depot_sim.application.run.views import ForecastView, Viewer
from depot_sim.domain.kernel.quantities import Power, SinceStart
from depot_sim.domain.run.commands import ApplyForecast, CapacityBlock, WithdrawForecast
from depot_sim.domain.run.world.site.forecast import ForecastType
from tests.application.run.processes import ALICE, MINUTE, Process

pytestmark = pytest.mark.anyio

CONSUMPTION = ForecastType.CONSUMPTION


async def forecasts(process: Process) -> list[ForecastView]:
    world = Viewer(await process.live.get("r")).world()
    assert [node.id for node in world.nodes if node.forecasts] in ([], ["grid"])
    return world.nodes[0].forecasts


async def test_a_node_shows_the_forecasts_of_its_scope_and_what_they_allow_now(process: Process) -> None:
    await process.start(start_time="2026-03-02T12:00:00+01:00")
    assert await forecasts(process) == []
    blocks = tuple(
        CapacityBlock(SinceStart(begin * MINUTE), SinceStart(end * MINUTE), Power(capacity))
        for begin, end, capacity in ((0, 5, 0), (10, 20, 1_000_000))
    )
    await process.runs.command("r", ApplyForecast("site", "f-1", CONSUMPTION, blocks), ALICE)
    seen = {}
    for minute in (0, 5, 10, 20):
        await process.runs.advance_to("r", f"+{minute} min", ALICE)
        (view,) = await forecasts(process)
        seen[minute] = view.capacity_w, view.until and view.until[11:19], view.breached
        assert (view.scope, view.type, view.forecast_id) == ("site", CONSUMPTION, "f-1")
    assert seen == {
        0: (0, "12:05:00", False),
        5: (None, "12:10:00", True),
        10: (1_000_000, "12:20:00", False),
        20: (None, None, False),
    }
    assert view.last_breach == "2026-03-02T12:02:00.000+01:00"
    await process.runs.command("r", WithdrawForecast("site", CONSUMPTION), ALICE)
    assert await forecasts(process) == []
