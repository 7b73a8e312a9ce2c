"""A thing of the depot as packets look at it: where it stands, what measures it, which controller it listens to.

Everything here is fixed for a run; what changes is in the world that sources are given with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from depot_sim.domain.configuration.document import Sensor, SensorQuantity
from depot_sim.domain.kernel.noise import Noise
from depot_sim.domain.packets.device import EntityKind
from depot_sim.domain.packets.measure.battery_mode import ModeTable
from depot_sim.domain.packets.measure.capacity_cache import ChargingRoom
from depot_sim.domain.packets.measure.recent_noise import RecentNoise
from depot_sim.domain.run.world.depot import Depot


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """What all entities of one run share."""

    depot: Depot
    noise: Noise
    modes: ModeTable
    room: ChargingRoom

    @classmethod
    def of(cls, depot: Depot, seed: int, modes: ModeTable) -> Site:
        return cls(depot, RecentNoise(seed), modes, ChargingRoom(depot))


@dataclass(frozen=True, slots=True, eq=False)
class Entity:
    """`index` is its place in the configuration document, `path` the nodes from the root down to its own.

    `rating_w` is what its loading is told by. `controllers` are those it listens to, the nearest first, `parts` the
    batteries of a node or the connectors of a charger, `sensors` what measures it, by quantity.
    """

    site: Site
    kind: EntityKind
    id: str
    index: int
    path: tuple[int, ...]
    rating_w: int = 1
    controllers: tuple[int, ...] = ()
    parts: tuple[int, ...] = ()
    sensors: Mapping[SensorQuantity, int] = field(default_factory=dict)

    def stream(self, quantity: str) -> str:
        """The name of its noise of one quantity."""
        return f"{quantity}/{self.kind.value}/{self.id}"


class _Standing(Protocol):
    """A part of a document that stands on a node."""

    @property
    def node(self) -> str: ...


def entity_of(site: Site, kind: EntityKind, id: str) -> Entity:
    """Find it in the depot; KeyError when there is none."""
    depot = site.depot
    index = indexes(depot, kind)[id]
    if kind is EntityKind.WEATHER:
        return Entity(site, kind, id, index, (), sensors=_sensors(depot, kind, id))
    node = index if kind is EntityKind.NODE else depot.node_index[_standing(depot, kind)[index].node]
    return Entity(
        site=site,
        kind=kind,
        id=id,
        index=index,
        path=depot.nodes[node].ancestors,
        rating_w=max(1, _rating_w(depot, kind, index)),
        controllers=(index,)
        if kind is EntityKind.CONTROLLER
        else controllers_of(depot, node, below=kind is EntityKind.NODE),
        parts=_parts(depot, kind, index),
        sensors=_sensors(depot, kind, id),
    )


def indexes(depot: Depot, kind: EntityKind) -> Mapping[str, int]:
    """Places in the document by id."""
    match kind:
        case EntityKind.NODE:
            return depot.node_index
        case EntityKind.CHARGER:
            return depot.charger_index
        case EntityKind.BESS:
            return depot.bess_index
        case EntityKind.PV:
            return depot.pv_index
        case EntityKind.CONTROLLER:
            return depot.controller_index
        case EntityKind.WEATHER:
            return {"": 0}


def controllers_of(depot: Depot, node: int, *, below: bool) -> tuple[int, ...]:
    """Those on the way up, the nearest first; where there are none, those below it if asked for."""
    up = [controller for above in reversed(depot.nodes[node].ancestors) for controller in depot.controllers_at[above]]
    if up or not below:
        return tuple(up)
    places = enumerate(depot.node_index[controller.node] for controller in depot.controllers)
    return tuple(index for index, place in places if node in depot.nodes[place].ancestors)


def _standing(depot: Depot, kind: EntityKind) -> Sequence[_Standing]:
    if kind is EntityKind.CHARGER:
        return depot.chargers
    if kind is EntityKind.CONTROLLER:
        return depot.controllers
    return depot.bess if kind is EntityKind.BESS else depot.pv


def _rating_w(depot: Depot, kind: EntityKind, index: int) -> int:
    match kind:
        case EntityKind.NODE:
            limit = depot.nodes[index].node.limit
            return _rated_below_w(depot, index) if limit is None else int(limit)
        case EntityKind.CHARGER:
            return int(depot.chargers[index].rating)
        case EntityKind.BESS:
            return int(depot.bess[index].rating)
        case EntityKind.PV:
            return int(depot.pv[index].peak)
    return 1


def _rated_below_w(depot: Depot, node: int) -> int:
    chargers = {depot.connectors[connector].charger for connector in depot.connectors_below[node]}
    rated = sum(int(depot.chargers[charger].rating) for charger in chargers)
    return rated + sum(int(depot.bess[bess].rating) for bess in depot.bess_below[node])


def _parts(depot: Depot, kind: EntityKind, index: int) -> tuple[int, ...]:
    if kind is EntityKind.CHARGER:
        return tuple(depot.connectors_of[index])
    return tuple(depot.bess_below[index]) if kind is EntityKind.NODE else ()


def _sensors(depot: Depot, kind: EntityKind, id: str) -> Mapping[SensorQuantity, int]:
    """The first sensor of each quantity."""
    found: dict[SensorQuantity, int] = {}
    for index, sensor in enumerate(depot.sensors):
        if (kind, id) == measured_by(sensor):
            found.setdefault(sensor.quantity, index)
    return found


def measured_by(sensor: Sensor) -> tuple[EntityKind, str]:
    """What the sensor measures."""
    for kind in (EntityKind.NODE, EntityKind.CHARGER, EntityKind.BESS, EntityKind.PV):
        id: str | None = getattr(sensor, kind.value)
        if id is not None:
            return kind, id
    return EntityKind.WEATHER, ""
