"""The devices of a managed scope when nobody says otherwise: one for everything that can be measured below it."""

from __future__ import annotations

from collections.abc import Sequence

from depot_sim.domain.configuration.document import SimulationConfigurationDocument
from depot_sim.domain.packets.contract.measurand import Measurand
from depot_sim.domain.packets.contract.profile import PacketProfile
from depot_sim.domain.packets.device import BoundKey, Device, EntityKind
from depot_sim.domain.packets.measure.electrical_tree import WEATHER, Ref, Tree
from depot_sim.domain.packets.measure.entity import measured_by
from depot_sim.domain.packets.measure.sources import SOURCES

_OF_THE_LINK = frozenset({"HEARTBEAT_STATUS", "HEARTBEAT_COUNTER"})


def derived_devices(
    document: SimulationConfigurationDocument, managed_scope_id: str, profile: PacketProfile
) -> tuple[Device, ...]:
    """Meters, chargers, batteries, arrays, controllers below the scope, and the weather. Raises NotFound.

    A device has every key of the profile that is for its type and that the world can tell of it.
    """
    tree = Tree(document)
    top = tree.scope_node(managed_scope_id)
    refs = _metered_nodes(tree, top)
    for kind in (EntityKind.CHARGER, EntityKind.BESS, EntityKind.PV, EntityKind.CONTROLLER):
        refs += tree.below(kind, top)
    devices = [_device(tree, profile, ref, top) for ref in [*refs, WEATHER]]
    return tuple(device for device in devices if device.keys)


def lent_to(tree: Tree, ref: Ref) -> tuple[Ref, ...]:
    """The entity and those that lend it their keys: a controller speaks for the batteries and the node it controls."""
    kind, _ = ref
    if kind is not EntityKind.CONTROLLER:
        return (ref,)
    node = tree.place_of[ref]
    below = tree.below(EntityKind.BESS, node) + tree.below(EntityKind.PV, node)
    return ref, *below, (EntityKind.NODE, node)


def can_tell(tree: Tree, entities: Sequence[Ref], measurand: Measurand) -> bool:
    """Whether one of the entities has it; of a link only where there is a controller."""
    having = next((ref for ref in entities if ref[0] in SOURCES[measurand.source].kinds), None)
    return having is not None and (measurand.source not in _OF_THE_LINK or tree.listens(having))


def _metered_nodes(tree: Tree, top: str) -> list[Ref]:
    """The scope's own, and those below it that have a limit or a sensor."""
    measured = {measured_by(sensor) for sensor in tree.document.sensors}
    return [
        ref
        for ref in tree.below(EntityKind.NODE, top)
        if ref[1] == top or tree.nodes[ref[1]].limit is not None or ref in measured
    ]


def _device(tree: Tree, profile: PacketProfile, ref: Ref, top: str) -> Device:
    kind, id = ref
    type = tree.type_of(ref)
    entities = lent_to(tree, ref)
    keys = tuple(
        BoundKey(name, name)
        for name, measurand in profile.measurands.items()
        if type in measurand.device_types and can_tell(tree, entities, measurand)
    )
    return Device(f"{kind.value}-{id}" if id else kind.value, type, tree.place_of.get(ref, top), entities, keys)
