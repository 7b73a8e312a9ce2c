"""The electrical tree of a document as devices need it: what stands at a node, below it, and on the way up."""

from __future__ import annotations

from collections.abc import Iterator

from depot_sim.domain.configuration.document import Node, NodeKind, SimulationConfigurationDocument
from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.packets.device import EntityKind
from depot_sim.domain.packets.vocabulary import DeviceType

Ref = tuple[EntityKind, str]
"""An entity by kind and id."""

_TYPES = {
    EntityKind.CHARGER: DeviceType.CHARGER_METER,
    EntityKind.BESS: DeviceType.BESS,
    EntityKind.PV: DeviceType.DER,
    EntityKind.CONTROLLER: DeviceType.MICROGRID_CONTROLLER,
    EntityKind.WEATHER: DeviceType.WEATHER,
}
WEATHER: Ref = (EntityKind.WEATHER, "")


class Tree:
    def __init__(self, document: SimulationConfigurationDocument) -> None:
        self.document = document
        self.nodes = {node.id: node for node in document.topology.nodes}
        standing = (
            (EntityKind.CHARGER, document.chargers),
            (EntityKind.BESS, document.bess),
            (EntityKind.PV, document.pv),
            (EntityKind.CONTROLLER, document.microgrid_controllers),
        )
        self.place_of: dict[Ref, str] = {(EntityKind.NODE, id): id for id in self.nodes}
        self.place_of |= {(kind, entry.id): entry.node for kind, entries in standing for entry in entries}

    def scope_node(self, managed_scope_id: str) -> str:
        """The node of a managed scope. Raises NotFound."""
        for scope in self.document.managed_scopes:
            if scope.id == managed_scope_id:
                return scope.node
        known = ", ".join(scope.id for scope in self.document.managed_scopes) or "none"
        raise NotFound(f"no managed scope {managed_scope_id!r}", f"known managed scopes: {known}")

    def upwards(self, node: str) -> Iterator[Node]:
        """From the node itself to the root."""
        here: str | None = node
        while here is not None:
            yield self.nodes[here]
            here = self.nodes[here].parent

    def is_below(self, node: str, top: str) -> bool:
        """At `top` or below it."""
        return any(above.id == top for above in self.upwards(node))

    def below(self, kind: EntityKind, top: str) -> list[Ref]:
        """Entities of a kind at a node and below it, in the document's order."""
        return [ref for ref, node in self.place_of.items() if ref[0] is kind and self.is_below(node, top)]

    def at(self, kind: EntityKind, node: str) -> list[Ref]:
        """Entities of a kind right at a node."""
        return [ref for ref, place in self.place_of.items() if ref[0] is kind and place == node]

    def listens(self, ref: Ref) -> bool:
        """Whether a controller's heartbeats concern it: one on its way up, or below a node."""
        kind, _ = ref
        if kind is EntityKind.WEATHER:
            return False
        node = self.place_of[ref]
        if any(self.at(EntityKind.CONTROLLER, above.id) for above in self.upwards(node)):
            return True
        return kind is EntityKind.NODE and bool(self.below(EntityKind.CONTROLLER, node))

    def type_of(self, ref: Ref) -> DeviceType:
        """The meter of the root or of a grid connection is a site's, that of any other node a feeder's."""
        kind, id = ref
        if kind is not EntityKind.NODE:
            return _TYPES[kind]
        node = self.nodes[id]
        is_site = node.parent is None or node.kind is NodeKind.GRID_CONNECTION
        return DeviceType.SITE_METER if is_site else DeviceType.FEEDER_METER
