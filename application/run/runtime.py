"""SimulationRuntimePort: one thing of a run's world, and commands to the run."""

from __future__ import annotations

from typing import Protocol

from depot_sim.application.repository import Origin
from depot_sim.application.run.live import LiveRuns
from depot_sim.application.run.service import Outcome, RunService
from depot_sim.application.run.views import (
    BessView,
    ChargerView,
    ConnectorView,
    ControllerView,
    NodeView,
    PvView,
    SensorView,
    VehicleView,
    Viewer,
)
from depot_sim.domain.run.commands import Command
from depot_sim.domain.run.world.depot import find


class SimulationRuntimePort(Protocol):
    """Reads are up to date with every commit before the call. All raise NotFound for ids that do not exist."""

    async def vehicle(self, run_id: str, id: str) -> VehicleView: ...

    async def charger(self, run_id: str, id: str) -> ChargerView: ...

    async def connector(self, run_id: str, id: str) -> ConnectorView: ...

    async def sensor(self, run_id: str, id: str) -> SensorView: ...

    async def node(self, run_id: str, id: str) -> NodeView: ...

    async def bess(self, run_id: str, id: str) -> BessView: ...

    async def pv(self, run_id: str, id: str) -> PvView: ...

    async def controller(self, run_id: str, id: str) -> ControllerView: ...

    async def command(self, run_id: str, command: Command, origin: Origin, key: str | None = None) -> Outcome:
        """Ask something of the world; the run decides. Raises CommandRefused, InvalidInput, RunHeldElsewhere."""


class SimulationRuntime:
    """The port on the run service and the live runs of this process."""

    def __init__(self, service: RunService, live: LiveRuns) -> None:
        self._service = service
        self._live = live

    async def vehicle(self, run_id: str, id: str) -> VehicleView:
        run = await self._live.get(run_id)
        return Viewer(run).vehicle(find("vehicle", run.depot.vehicle_index, id))

    async def charger(self, run_id: str, id: str) -> ChargerView:
        run = await self._live.get(run_id)
        return Viewer(run).charger(find("charger", run.depot.charger_index, id))

    async def connector(self, run_id: str, id: str) -> ConnectorView:
        run = await self._live.get(run_id)
        return Viewer(run).connector(find("connector", run.depot.connector_index, id))

    async def sensor(self, run_id: str, id: str) -> SensorView:
        run = await self._live.get(run_id)
        return Viewer(run).sensor(find("sensor", run.depot.sensor_index, id))

    async def node(self, run_id: str, id: str) -> NodeView:
        run = await self._live.get(run_id)
        return Viewer(run).node(find("node", run.depot.node_index, id))

    async def bess(self, run_id: str, id: str) -> BessView:
        run = await self._live.get(run_id)
        return Viewer(run).bess(find("bess", run.depot.bess_index, id))

    async def pv(self, run_id: str, id: str) -> PvView:
        run = await self._live.get(run_id)
        return Viewer(run).pv(find("pv", run.depot.pv_index, id))

    async def controller(self, run_id: str, id: str) -> ControllerView:
        run = await self._live.get(run_id)
        return Viewer(run).controller(find("controller", run.depot.controller_index, id))

    async def command(self, run_id: str, command: Command, origin: Origin, key: str | None = None) -> Outcome:
        return await self._service.command(run_id, command, origin, key)
