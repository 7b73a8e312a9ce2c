"""The port that protocol families use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from application.run.runtime import SimulationRuntime, SimulationRuntimePort
from application.subscription import Tail
from domain.errors import NotFound
from domain.run.commands import FaultCharger
from domain.run.events import ChargerFaulted
from tests.application.run.processes import ALICE, Process

pytestmark = pytest.mark.anyio


@pytest.fixture
async def runtime(process: Process) -> AsyncIterator[SimulationRuntimePort]:
    await process.start()
    await process.runs.tick("r", 30, ALICE)
    tail = Tail(process.store.log)
    yield SimulationRuntime(process.store.log, tail, process.runs, process.live)
    await asyncio.to_thread(tail.close)


async def test_one_thing_is_what_the_world_has(runtime: SimulationRuntimePort) -> None:
    world = await runtime.world("r")
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


async def test_a_command_is_seen_by_the_next_read_and_by_those_who_listen(runtime: SimulationRuntimePort) -> None:
    listening = aiter(runtime.events("r", topics=(ChargerFaulted.TOPIC,)))
    heard = asyncio.ensure_future(anext(listening))
    await runtime.command("r", FaultCharger("charger-1", code="Jammed"), ALICE)

    assert (await runtime.charger("r", "charger-1")).fault == "Jammed"
    recorded = await heard
    assert isinstance(recorded.event, ChargerFaulted)
    assert recorded.event.code == "Jammed"
