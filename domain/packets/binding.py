"""From the platform's device and sensor-action configuration to the devices of a feed.

What is out of shape raises; what cannot be mapped is reported row by row, and the rest is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from depot_sim.domain.configuration.document import SimulationConfigurationDocument
from depot_sim.domain.kernel.errors import Fault
from depot_sim.domain.kernel.pointer import child
from depot_sim.domain.kernel.problems import one_of, quoted
from depot_sim.domain.packets.binding_document import ActionRow, DeviceRow, read_document
from depot_sim.domain.packets.contract.measurand import Measurand
from depot_sim.domain.packets.contract.profile import PacketProfile
from depot_sim.domain.packets.device import BoundKey, Device, EntityKind, SensorAction
from depot_sim.domain.packets.devices import can_tell
from depot_sim.domain.packets.measure.electrical_tree import Ref, Tree
from depot_sim.domain.packets.routing import OF_POWER_SOURCE, Action, Router, Unroutable


class BindingReport(NamedTuple):
    """The devices that send, in the document's order, and every row that could not be mapped."""

    devices: tuple[Device, ...]
    site_model_name: str | None
    unmapped: tuple[Fault, ...]


def read_binding(
    raw: object, document: SimulationConfigurationDocument, managed_scope_id: str, profile: PacketProfile
) -> BindingReport:
    """From dicts, lists and scalars. Raises InvalidInput for faults of shape, NotFound for an unknown scope."""
    tree = Tree(document)
    top = tree.scope_node(managed_scope_id)
    binding = read_document(raw)
    router = Router(tree, top, binding.gateway.output_translation)
    mappings = [
        _Mapping(f"/devices/{place}", row, tree, router, profile.measurands)
        for place, row in enumerate(binding.devices)
    ]
    devices = tuple(device for device in (mapping.device(top) for mapping in mappings) if device is not None)
    unmapped = tuple(fault for mapping in mappings for fault in mapping.unmapped)
    return BindingReport(devices, binding.gateway.site_model_name, unmapped)


class _Routed(NamedTuple):
    """An action with the assets that its keys may be read from, the one it is about first."""

    pointer: str
    row: ActionRow
    assets: tuple[Ref, ...]


class _Mapping:
    """One row of devices on its way to a Device; `unmapped` fills meanwhile."""

    def __init__(
        self, pointer: str, row: DeviceRow, tree: Tree, router: Router, measurands: Mapping[str, Measurand]
    ) -> None:
        self._pointer = pointer
        self._row = row
        self._tree = tree
        self._router = router
        self._measurands = measurands
        self.unmapped: list[Fault] = []

    def device(self, top: str) -> Device | None:
        """None when nothing of the row can be mapped."""
        routed = list(self._route())
        entities = _in_order(routed)
        keys: dict[str, BoundKey] = {}
        actions = [self._bind(action, entities, keys) for action in routed]
        if not keys:
            return None
        main = min((action.assets[0] for action in routed), key=_rank)
        return Device(
            id=self._row.device_id,
            type=self._tree.type_of(main),
            node=self._tree.place_of.get(main, top),
            entities=entities,
            keys=tuple(keys.values()),
            cadence_ms=None if self._row.cadence is None else int(self._row.cadence),
            endpoint=self._row.endpoint,
            actions=tuple(action for action in actions if action.keys),
        )

    def _route(self) -> Iterator[_Routed]:
        """Actions that an asset was found for."""
        if not self._row.sensor_actions:
            self._report(f"{self._pointer}/sensor_actions", "none", "at least one sensor action")
        explicit = None if self._row.asset is None else self._router.asset(self._row.asset)
        if isinstance(explicit, Unroutable):
            self._report(f"{self._pointer}/asset", *explicit)
            return
        circuit = self._circuit()
        for place, row in enumerate(self._row.sensor_actions):
            pointer = f"{self._pointer}/sensor_actions/{place}"
            if row.sensor_action not in set(Action):
                self._report(f"{pointer}/sensor_action", quoted(row.sensor_action), one_of(Action))
                continue
            asset = self._action_asset(pointer, row, circuit, explicit)
            if asset is not None:
                yield _Routed(pointer, row, self._router.lent(asset))

    def _circuit(self) -> str | None:
        if self._row.circuit is None:
            return None
        node = self._router.node(self._row.circuit)
        if node is None:
            expected = "the id of a node of the depot, or a name that one node has"
            self._report(f"{self._pointer}/circuit", quoted(self._row.circuit), expected)
        return node

    def _action_asset(self, pointer: str, row: ActionRow, circuit: str | None, explicit: Ref | None) -> Ref | None:
        """The explicit one, unless it is a controller that is asked about a power source."""
        action = Action(row.sensor_action)
        if explicit is not None and not (action in OF_POWER_SOURCE and explicit[0] is EntityKind.CONTROLLER):
            return explicit
        if action in OF_POWER_SOURCE:
            found = self._power_source(row.target, circuit, explicit)
        else:
            found = self._site_asset(action, row.target, circuit)
        if isinstance(found, Unroutable):
            self._report(pointer, *found)
            return None
        return found

    def _power_source(self, target: str | None, circuit: str | None, controller: Ref | None) -> Ref | Unroutable:
        """By the routing rules; a controller's own battery, where it has one only, goes before them."""
        lent = () if controller is None else self._router.lent(controller)
        own = next((ref for ref in lent if ref[0] is EntityKind.BESS), None)
        return own or self._router.power_source(self._row.device_id, circuit, target)

    def _site_asset(self, action: Action, target: str | None, circuit: str | None) -> Ref | Unroutable:
        """The controller in charge; a circuit's capacity can also come from its own meter."""
        if action is Action.CIRCUIT_CAPACITY and target is not None:
            circuit = self._router.node(target) or circuit
        found = self._router.controller(circuit)
        if isinstance(found, Unroutable) and action is Action.CIRCUIT_CAPACITY and circuit is not None:
            return EntityKind.NODE, circuit
        return found

    def _bind(self, action: _Routed, entities: Sequence[Ref], keys: dict[str, BoundKey]) -> SensorAction:
        if not action.row.measurands:
            self._report(f"{action.pointer}/measurands", "none", "the platform's keys with the measurand of each")
        bound = tuple(
            key for key, name in action.row.measurands.items() if self._bind_key(action, key, name, entities, keys)
        )
        target = action.row.target or self._tree.place_of.get(action.assets[0], "")
        return SensorAction(action.row.sensor_action, target, bound)

    def _bind_key(
        self, action: _Routed, key: str, name: str, entities: Sequence[Ref], keys: dict[str, BoundKey]
    ) -> bool:
        pointer = child(f"{action.pointer}/measurands", key)
        measurand = self._measurands.get(name)
        if measurand is None:
            near = get_close_matches(name[:100], self._measurands, n=1)
            expected = f"a measurand of the profile{f', such as {quoted(near[0])}' if near else ''}"
            self._report(pointer, quoted(name), expected)
            return False
        if not can_tell(self._tree, entities, measurand):
            assets = ", ".join(f"{kind.value} {id}".strip() for kind, id in entities)
            self._report(pointer, f"{name}, which {assets} cannot tell", "a measurand of the device's asset")
            return False
        if keys.setdefault(key, BoundKey(name, key)).measurand != name:
            self._report(pointer, f"{quoted(key)} for a second measurand", f"it for {keys[key].measurand} alone")
            return False
        return True

    def _report(self, pointer: str, found: str, expected: str) -> None:
        self.unmapped.append(Fault(pointer, found, expected))


_RANK = (
    EntityKind.CONTROLLER,
    EntityKind.BESS,
    EntityKind.PV,
    EntityKind.CHARGER,
    EntityKind.NODE,
    EntityKind.WEATHER,
)


def _rank(ref: Ref) -> int:
    return _RANK.index(ref[0])


def _in_order(routed: Iterable[_Routed]) -> tuple[Ref, ...]:
    """Power sources that actions are about first, then what other actions are about, then what lends its keys.

    A key is read from the first that has it: under a power source's action a power state is not the controller's.
    """
    routed = list(routed)
    sources = [action.assets[0] for action in routed if action.row.sensor_action in OF_POWER_SOURCE]
    others = [action.assets[0] for action in routed]
    lent = [ref for action in routed for ref in action.assets[1:]]
    return tuple(dict.fromkeys(ref for refs in (sources, others, lent) for ref in sorted(refs, key=_rank)))
