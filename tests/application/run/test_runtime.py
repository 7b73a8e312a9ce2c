"""The port that protocol families use."""

from __future__ import annotations

import pytest

from depot_sim.application.run.runtime import SimulationRuntime, SimulationRuntimePort
from depot_sim.application.run.views import Viewer
from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.run.commands import FaultCharger
from tests.application.run.processes import ALICE, Process

pytestmark = pytest.mark.anyio


@pytest.fixture
async def runtime(process: Process) -> SimulationRuntimePort:
    await process.start()
    await process.runs.tick("r", 30, ALICE)
    return SimulationRuntime(process.runs, process.live)


async def test_one_thing_is_what_the_world_has(runtime: SimulationRuntimePort, process: Process) -> None:
    world = Viewer(await process.live.get("r")).world()
    assert await runtime.vehicle("r", "bus-1") == world.vehicles[0]
    assert await runtime.charger("r", "charger-1") == world.chargers[0]
    assert await runtime.connector("r", "charger-1/b") == world.chargers[0].connectors[1]
    assert await runtime.sensor("r", "meter") == world.sensors[0]
    assert await runtime.node("r", "feeder") == world.nodes[1]
    assert await runtime.bess("r", "battery") == world.bess[0]
    assert await runtime.pv("r", "roof") == world.pv[0]
    assert await runtime.controller("r", "controller") == world.controllers[0]


async def test_what_is_not_there_is_not_found(runtime: SimulationRuntimePort) -> None:
    for asked in (runtime.vehicle, runtime.charger, runtime.connector, runtime.sensor, runtime.node):
        with pytest.raises(NotFound):
            await asked("r", "nothing")
        with pytest.raises(NotFound):
            await asked("nobody", "nothing")


async def test_a_command_is_seen_by_the_next_read(runtime: SimulationRuntimePort) -> None:
    await runtime.command("r", FaultCharger("charger-1", code="Jammed"), ALICE)

    assert (await runtime.charger("r", "charger-1")).fault == "Jammed"
