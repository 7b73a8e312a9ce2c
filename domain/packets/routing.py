"""Which asset a device of the platform stands for when it does not say so itself: direct asset routing.

A power source is, by the first rule that applies: the one on the device's linked circuit, the one battery of the depot,
what the gateway's output_translation says. More than one candidate is none: nothing is written to a wrong asset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from depot_sim.domain.kernel.problems import quoted
from depot_sim.domain.packets.binding_document import Asset
from depot_sim.domain.packets.device import EntityKind
from depot_sim.domain.packets.devices import lent_to
from depot_sim.domain.packets.measure.electrical_tree import WEATHER, Ref, Tree


class Action(StrEnum):
    """What the platform does with a device's measurands."""

    CIRCUIT_CAPACITY = "UPDATE_CIRCUIT_CAPACITY"
    MICROGRID_STATE = "UPDATE_MICROGRID_STATE"
    POWER_SOURCE_STATE = "UPDATE_POWER_SOURCE_STATE"
    POWER_SOURCE_LOAD = "UPDATE_POWER_SOURCE_LOAD"


OF_POWER_SOURCE = frozenset({Action.POWER_SOURCE_STATE, Action.POWER_SOURCE_LOAD})
_SOURCES = (EntityKind.BESS, EntityKind.PV)


class Unroutable(NamedTuple):
    """Why there is no asset, and what would do."""

    found: str
    expected: str


class Router:
    """Answers for one depot, from the node of the managed scope down."""

    def __init__(self, tree: Tree, top: str, translation: Mapping[str, Asset]) -> None:
        self._tree = tree
        self._top = top
        self._translation = translation

    def node(self, circuit: str) -> str | None:
        """The node that a circuit is: by id, else by a name that no other node has."""
        if circuit in self._tree.nodes:
            return circuit
        named = [node.id for node in self._tree.nodes.values() if circuit and node.name == circuit]
        return named[0] if len(named) == 1 else None

    def asset(self, asset: Asset) -> Ref | Unroutable:
        """What an explicit reference names."""
        if asset.weather:
            return WEATHER
        kind = EntityKind(asset.named()[0])
        ref = (kind, str(getattr(asset, kind.value)))
        if ref in self._tree.place_of:
            return ref
        return Unroutable(quoted(ref[1]), f"the id of a {kind.value} of the depot: {self._known([kind])}")

    def controller(self, circuit: str | None) -> Ref | Unroutable:
        """At the circuit or nearest above it; else the only one of the managed scope."""
        for above in self._tree.upwards(circuit) if circuit is not None else ():
            for ref in self._tree.at(EntityKind.CONTROLLER, above.id):
                return ref
        inside = self._tree.below(EntityKind.CONTROLLER, self._top)
        if len(inside) == 1:
            return inside[0]
        found = f"{len(inside)} microgrid controllers in the managed scope"
        return Unroutable(found, "an asset, or a circuit that one controller is in charge of")

    def power_source(self, device_id: str, circuit: str | None, target: str | None) -> Ref | Unroutable:
        """By the rules above; a target that is the id of one of our power sources goes before them."""
        named = [ref for ref in self._all(_SOURCES) if ref[1] == target]
        on_circuit = [ref for kind in _SOURCES if circuit is not None for ref in self._tree.at(kind, circuit)]
        batteries = self._all([EntityKind.BESS])
        for candidates in (named, on_circuit, batteries):
            if len(candidates) == 1:
                return candidates[0]
        translated = self._translation.get(device_id)
        if translated is not None:
            return self.asset(translated)
        where = "without a circuit" if circuit is None else f"{len(on_circuit)} power sources on circuit {circuit}"
        expected = (
            "an asset, one power source on the linked circuit, one battery in the depot, or an output_translation"
        )
        return Unroutable(f"{where}, {len(batteries)} batteries in the depot", expected)

    def lent(self, ref: Ref) -> tuple[Ref, ...]:
        """The asset, and what it speaks for beyond doubt: of several batteries or arrays, none."""
        lent = lent_to(self._tree, ref)
        kinds = [kind for kind, _ in lent]
        return tuple(one for one in lent if one == ref or kinds.count(one[0]) == 1)

    def _all(self, kinds: Iterable[EntityKind]) -> list[Ref]:
        return [ref for kind in kinds for ref in self._tree.place_of if ref[0] is kind]

    def _known(self, kinds: Iterable[EntityKind]) -> str:
        ids = [id for _, id in self._all(kinds)]
        return ", ".join(ids[:5]) + (", …" if len(ids) > 5 else "") if ids else "there is none"
