"""Small depots for tests, and a simulation that keeps the events as the log would."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from depot_sim.domain.configuration.document import (
    Charger,
    CurvePoint,
    DisturbanceProfile,
    Duty,
    ElectricalTopology,
    Node,
    SimulationConfigurationDocument,
    Vehicle,
    VehicleType,
)
from depot_sim.domain.kernel.events import EncodedEvent, encode
from depot_sim.domain.kernel.noise import Noise
from depot_sim.domain.kernel.quantities import (
    ClockTime,
    Duration,
    Energy,
    Power,
    RampRate,
    Share,
)
from depot_sim.domain.run.commands import Command
from depot_sim.domain.run.decisions import decide
from depot_sim.domain.run.events import RunEvent
from depot_sim.domain.run.world.depot import Depot
from depot_sim.domain.run.world.engine import Engine
from depot_sim.domain.run.world.evolve import Evolution
from depot_sim.domain.run.world.initial_world import genesis
from depot_sim.domain.run.world.state import ConnectorState, NodeState, VehicleState, World
from depot_sim.domain.run.world.tick_context import TickContext

MONDAY_NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MONDAY_MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
KW, KWH = 1_000, 3_600_000_000


def bus_type(**changes: Any) -> VehicleType:
    """A plain 400 kWh bus without climate control, so that sums are easy; "bus" unless told."""
    plain: dict[str, Any] = {"id": "bus", "climate_control": False, "reserve_soc": Share(0)}
    return VehicleType(**plain | changes)


def charger(id: str = "c1", **changes: Any) -> Charger:
    """150 kW at once: no dead time, no ramp, no standby."""
    at_once: dict[str, Any] = {
        "node": "grid",
        "standby": Power(0),
        "dead_time": Duration(0),
        "ramp_up": RampRate(10**9),
    }
    return Charger(id=id, **at_once | changes)


def vehicle(id: str = "b1", **changes: Any) -> Vehicle:
    """In the depot and plugged in at once, at 50 %, charging to 100 %."""
    plain: dict[str, Any] = {
        "type": "bus",
        "initial_soc": Share.parse("50 %"),
        "target_soc": Share.parse("100 %"),
        "plug_in_delay": Duration(0),
    }
    return Vehicle(id=id, **plain | changes)


def duty(departs: str, returns: str, kwh: int = 100, id: str = "d", **changes: Any) -> Duty:
    return Duty(id=id, departs=ClockTime(departs), returns=ClockTime(returns), energy=Energy(kwh * KWH), **changes)


def curve(*points: tuple[int, int]) -> tuple[CurvePoint, ...]:
    """Points of (per cent, kW)."""
    return tuple(CurvePoint(soc=Share(soc * 10_000), power=Power(power * KW)) for soc, power in points)


def document(*, nodes: Sequence[Node] = (Node(id="grid"),), **parts: Any) -> SimulationConfigurationDocument:
    parts.setdefault("vehicle_types", (bus_type(),))
    return SimulationConfigurationDocument(name="test", topology=ElectricalTopology(nodes=tuple(nodes)), **parts)


class Simulation:
    """A live world with everything that was recorded on the way, as the event log would hold it."""

    def __init__(
        self,
        document: SimulationConfigurationDocument,
        *,
        start: datetime = MONDAY_NOON,
        seed: int = 7,
        disturbances: DisturbanceProfile | None = None,
    ) -> None:
        self.seed = seed
        self.depot = Depot(document, start, disturbances)
        self.evolution = Evolution(self.depot, genesis(self.depot))
        self.tick = MINUTE
        self.engine = Engine(self.evolution, seed, self.tick)
        self.events: list[RunEvent] = []
        self.log: list[EncodedEvent] = []

    @property
    def world(self) -> World:
        return self.evolution.world

    def advance(self, to: int, tick: int = MINUTE) -> list[RunEvent]:
        """Tick up to `to`; the events of that time."""
        before = len(self.events)
        if tick != self.tick:
            self.tick = tick
            self.restart()
        while self.world.at < to:
            self._keep(self.engine.advance(min(to, self.world.at + tick)))
        return self.events[before:]

    def command(self, command: Command) -> None:
        """Decide on a command as the run does, with what follows from it at once."""
        self.act(lambda stage: decide(stage, command))

    def apply(self, event: RunEvent) -> None:
        self.act(lambda stage: stage.emit(event))

    def act(self, change: Callable[[TickContext], None]) -> None:
        stage = TickContext(self.evolution, Noise(self.seed), self.world.at, self.world.at)
        change(stage)
        self._keep(stage.events)
        self._keep(self.engine.react())

    def restart(self) -> None:
        """What a resume does: a new engine on the world as it stands."""
        self.engine = Engine(self.evolution, self.seed, self.tick)

    def of(self, *kinds: type[RunEvent]) -> list[Any]:
        """Events of these kinds so far."""
        return [event for event in self.events if isinstance(event, kinds)]

    def vehicle(self, id: str = "b1") -> VehicleState:
        return self.evolution.vehicle(id)

    def connector(self, id: str = "c1/1") -> ConnectorState:
        return self.evolution.connector(id)

    def node(self, id: str = "grid") -> NodeState:
        return self.world.nodes[self.depot.node_index[id]]

    def _keep(self, events: list[RunEvent]) -> None:
        self.events += events
        self.log += [encode(event) for event in events]
