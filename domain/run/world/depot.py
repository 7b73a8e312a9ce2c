"""What the configuration says, compiled for the tick: entities by index, paths through the tree, curves and profiles.

Constraints number the nodes first (document order), then the chargers whose rating several connectors share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from depot_sim.domain.configuration.document import (
    AllocationPolicy,
    Authorisation,
    Bess,
    Charger,
    DisturbanceProfile,
    Duty,
    LateReturns,
    ManagedScope,
    MicrogridController,
    Node,
    PvArray,
    RandomOutages,
    Sensor,
    SimulationConfigurationDocument,
    Vehicle,
    VehicleType,
)
from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.kernel.quantities import MS_PER_MINUTE, PPM
from depot_sim.domain.run.world.charging.curve import ChargeCurve, charge_curve
from depot_sim.domain.run.world.fleet.timetable import Calendar, calendar
from depot_sim.domain.run.world.profiles import clear_sky, climate_power_w
from depot_sim.domain.run.world.state import NEVER

PRECONDITION_LEAD = 30 * MS_PER_MINUTE
PRECONDITION_BELOW_MC = 10_000  # m°C


class VehicleSpec(NamedTuple):
    vehicle: Vehicle
    type: VehicleType
    curve: ChargeCurve
    connector: int | None
    target_mj: int


class ConnectorSpec(NamedTuple):
    """`path` lists the constraints from the root down, `nodes` the nodes whose load it adds to."""

    id: str
    charger: int
    spec: Charger
    rating_w: int
    path: tuple[int, ...]
    nodes: tuple[int, ...]
    automatic: bool


class NodeSpec(NamedTuple):
    """`ancestors` runs from the root to the node itself; `standby_w` is what the chargers right below it draw idle."""

    node: Node
    ancestors: tuple[int, ...]
    children: tuple[int, ...]
    chargers: tuple[int, ...]
    policy: AllocationPolicy
    standby_w: int


class Steps:
    """A value by time of day, constant between steps; the last step of the day holds until the first of the next."""

    def __init__(self, steps: Iterable[tuple[int, int]], default: int = 0) -> None:
        self._steps = sorted((begins, int(value)) for begins, value in steps)
        self._default = default

    def at(self, ms_of_day: int) -> int:
        if not self._steps:
            return self._default
        value = self._steps[-1][1]
        for begins, step in self._steps:
            if begins > ms_of_day:
                break
            value = step
        return value


class Depot:
    """Compiled from one validated document and the local start time of one run."""

    def __init__(
        self, document: SimulationConfigurationDocument, start: datetime, disturbances: DisturbanceProfile | None = None
    ) -> None:
        self.document = document
        self.calendar: Calendar = calendar(start)
        self.disturbances = disturbances
        self.node_index = _index(document.topology.nodes)
        self.charger_index = _index(document.chargers)
        self.vehicle_index = _index(document.vehicles)
        self.sensor_index = _index(document.sensors)
        self.bess_index = _index(document.bess)
        self.pv_index = _index(document.pv)
        self.controller_index = _index(document.microgrid_controllers)
        self.scope_index = _index(document.managed_scopes)
        self.nodes = self._compile_nodes()
        self.connectors = self._compile_connectors()
        self.connector_index = {spec.id: index for index, spec in enumerate(self.connectors)}
        self.vehicles = self._compile_vehicles()
        self.other_load = {
            index: Steps((step.at.ms, step.power) for step in node.other_load)
            for index, node in enumerate(document.topology.nodes)
            if node.other_load
        }
        self.pv_share = [_pv_profile(pv) for pv in document.pv]
        self.ambient_mc = Steps(((s.at.ms, s.temperature) for s in document.weather.ambient), 20_000)

    def own_loads_w(self, time_of_day: int) -> list[int]:
        """Load of every node besides charging and the nodes below it, at this time of day (ms)."""
        loads = [spec.standby_w for spec in self.nodes]
        for index, steps in self.other_load.items():
            loads[index] += steps.at(time_of_day)
        return loads

    @cached_property
    def ratings_w(self) -> list[int]:
        """Ratings by charger index."""
        return [int(charger.rating) for charger in self.chargers]

    @cached_property
    def root(self) -> int:
        return next(i for i, spec in enumerate(self.nodes) if spec.node.parent is None)

    @property
    def chargers(self) -> tuple[Charger, ...]:
        return self.document.chargers

    @property
    def sensors(self) -> tuple[Sensor, ...]:
        return self.document.sensors

    @property
    def bess(self) -> tuple[Bess, ...]:
        return self.document.bess

    @property
    def pv(self) -> tuple[PvArray, ...]:
        return self.document.pv

    @property
    def controllers(self) -> tuple[MicrogridController, ...]:
        return self.document.microgrid_controllers

    @property
    def scopes(self) -> tuple[ManagedScope, ...]:
        return self.document.managed_scopes

    @cached_property
    def scopes_at(self) -> list[list[str]]:
        """Ids of the managed scopes on each node, by node index."""
        found: list[list[str]] = [[] for _ in self.nodes]
        for scope in self.scopes:
            found[self.node_index[scope.node]].append(scope.id)
        return found

    @cached_property
    def connectors_of(self) -> list[list[int]]:
        """Connector indexes by charger index."""
        found: list[list[int]] = [[] for _ in self.chargers]
        for index, spec in enumerate(self.connectors):
            found[spec.charger].append(index)
        return found

    @cached_property
    def owners(self) -> list[list[int]]:
        """Indexes of the vehicles whose own connector it is, by connector index."""
        found: list[list[int]] = [[] for _ in self.connectors]
        for index, spec in enumerate(self.vehicles):
            if spec.connector is not None:
                found[spec.connector].append(index)
        return found

    @cached_property
    def controllers_at(self) -> list[list[int]]:
        """Controller indexes by node index."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for index, controller in enumerate(self.controllers):
            found[self.node_index[controller.node]].append(index)
        return found

    @cached_property
    def scope_of(self) -> list[str]:
        """The id of the managed scope on each node, empty when there is none."""
        scopes = {scope.node: scope.id for scope in reversed(self.document.managed_scopes)}
        return [scopes.get(spec.node.id, "") for spec in self.nodes]

    @cached_property
    def export_limits_w(self) -> list[int | None]:
        """Export limits by node index, None where there is none."""
        limits = (spec.node.export_limit for spec in self.nodes)
        return [None if limit is None else int(limit) for limit in limits]

    @cached_property
    def deepest_first(self) -> list[int]:
        """All nodes, every one before its parent."""
        return sorted(range(len(self.nodes)), key=lambda i: -len(self.nodes[i].ancestors))

    @cached_property
    def upwards(self) -> list[tuple[int, int]]:
        """(node, parent) of every node but the root, the deepest first."""
        return [(i, self.nodes[i].ancestors[-2]) for i in self.deepest_first if i != self.root]

    @cached_property
    def bess_below(self) -> list[list[int]]:
        """BESS indexes by node index, the whole subtree."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for index, bess in enumerate(self.bess):
            for node in self.nodes[self.node_index[bess.node]].ancestors:
                found[node].append(index)
        return found

    @cached_property
    def pv_below(self) -> list[list[int]]:
        """PV indexes by node index, the whole subtree."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for index, pv in enumerate(self.pv):
            for node in self.nodes[self.node_index[pv.node]].ancestors:
                found[node].append(index)
        return found

    @cached_property
    def connectors_below(self) -> list[list[int]]:
        """Connector indexes by node index, the whole subtree."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for index, spec in enumerate(self.connectors):
            for node in spec.nodes:
                found[node].append(index)
        return found

    @cached_property
    def greedy(self) -> bool:
        """The whole tree shares by one greedy policy, so one pass over all connectors serves it."""
        policies = {spec.policy for spec in self.nodes}
        return len(policies) == 1 and AllocationPolicy.PROPORTIONAL not in policies

    @property
    def late_returns(self) -> LateReturns | None:
        return self.disturbances.late_returns if self.disturbances else None

    @property
    def charger_faults(self) -> RandomOutages | None:
        return self.disturbances.charger_faults if self.disturbances else None

    @property
    def sensor_dropouts(self) -> RandomOutages | None:
        return self.disturbances.sensor_dropouts if self.disturbances else None

    def duty_energy_mj(self, vehicle: int, duty: Duty, departs_at: int) -> int:
        """What the duty takes from the battery: given, or distance x consumption plus climate control meanwhile."""
        if duty.energy is not None:
            return int(duty.energy)
        kind = self.vehicles[vehicle].type
        driving = duty.distance * kind.consumption // 1_000_000
        if not kind.climate_control:
            return driving
        climate_w = climate_power_w(self.ambient_mc.at(self.calendar.ms_of_day(departs_at)))
        return driving + climate_w * (duty.returns.ms - duty.departs.ms)

    def precondition_at(self, vehicle: int, departs_at: int) -> int:
        """When the cabin is to be warmed from the plug before this departure; NEVER when it is warm enough anyway."""
        kind = self.vehicles[vehicle].type
        if departs_at == NEVER or not kind.climate_control or kind.precondition_power == 0:
            return NEVER
        cold = self.ambient_mc.at(self.calendar.ms_of_day(departs_at)) < PRECONDITION_BELOW_MC
        return departs_at - PRECONDITION_LEAD if cold else NEVER

    def scheduled_departure(self, vehicle: int, duty: int, day: int) -> int:
        departs = self.vehicles[vehicle].vehicle.duties[duty].departs
        return departs.ms if departs.since_start else self.calendar.midnight(day) + departs.ms

    def _compile_nodes(self) -> list[NodeSpec]:
        nodes = self.document.topology.nodes
        children: dict[str | None, list[int]] = {}
        for index, node in enumerate(nodes):
            children.setdefault(node.parent, []).append(index)
        chargers: dict[str, list[int]] = {}
        for index, charger in enumerate(self.chargers):
            chargers.setdefault(charger.node, []).append(index)
        return [
            NodeSpec(
                node,
                self._ancestors(node),
                tuple(children.get(node.id, ())),
                tuple(chargers.get(node.id, ())),
                self._policy(node),
                sum(int(self.chargers[index].standby) for index in chargers.get(node.id, ())),
            )
            for node in nodes
        ]

    def _ancestors(self, node: Node) -> tuple[int, ...]:
        path = [self.node_index[node.id]]
        while node.parent is not None:
            path.append(self.node_index[node.parent])
            node = self.document.topology.nodes[path[-1]]
        return tuple(reversed(path))

    def _policy(self, node: Node) -> AllocationPolicy:
        """A node without a policy shares as its parent does; the root's default is first come, first served."""
        for index in reversed(self._ancestors(node)):
            policy = self.document.topology.nodes[index].allocation
            if policy is not None:
                return policy
        return AllocationPolicy.FIRST_COME

    def _compile_connectors(self) -> list[ConnectorSpec]:
        compiled = []
        for index, charger in enumerate(self.chargers):
            nodes = self.nodes[self.node_index[charger.node]].ancestors
            shared = (len(self.nodes) + index,) if len(charger.connectors) > 1 else ()
            for connector in charger.connectors:
                rating = int(min(charger.rating, connector.cable_limit or charger.rating))
                automatic = charger.authorisation is Authorisation.AUTOMATIC
                id = f"{charger.id}/{connector.id}"
                compiled.append(
                    ConnectorSpec(
                        id=id,
                        charger=index,
                        spec=charger,
                        rating_w=rating,
                        path=nodes + shared,
                        nodes=nodes,
                        automatic=automatic,
                    )
                )
        return compiled

    def _compile_vehicles(self) -> list[VehicleSpec]:
        types = {kind.id: kind for kind in self.document.vehicle_types}
        curves = {kind.id: charge_curve(kind.charge_curve, kind.battery) for kind in types.values()}
        compiled = []
        for vehicle in self.document.vehicles:
            kind = types[vehicle.type]
            connector = None if vehicle.connector is None else self.connector_index[vehicle.connector]
            target = kind.battery * vehicle.target_soc // PPM
            compiled.append(VehicleSpec(vehicle, kind, curves[kind.id], connector, target))
        return compiled


def find(kind: str, index: Mapping[str, int], id: str) -> int:
    """The index behind an id. Raises NotFound naming some ids there are."""
    try:
        return index[id]
    except KeyError:
        known = ", ".join(list(index)[:5]) or "none"
        raise NotFound(f"no {kind} {id!r}", f"known {kind}s: {known}{', …' if len(index) > 5 else ''}") from None


def _index(items: Sequence[Any]) -> dict[str, int]:
    return {item.id: index for index, item in enumerate(items)}


def _pv_profile(pv: PvArray) -> Callable[[int], int]:
    """Share of the peak (ppm) by time of day (ms)."""
    return Steps((step.at.ms, step.share) for step in pv.profile).at if pv.profile else clear_sky
