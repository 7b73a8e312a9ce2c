"""Older, circuit-centric definitions: circuits with parent, rating, available capacity and the chargers on them.

docs/import.md tells the accepted shape. Nothing is dropped: what has no counterpart in a depot definition is a fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from depot_sim.adapters.configuration_import.formats import Format
from depot_sim.adapters.configuration_import.limits import LIMITS, check
from depot_sim.adapters.configuration_import.loading import define, located, parse
from depot_sim.adapters.configuration_import.site import power_text
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.configuration.document import CurrentKind
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.pointer import child
from depot_sim.domain.kernel.problems import quoted
from depot_sim.domain.kernel.reading import read

_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9._:-]+")
MOST_CONNECTORS = 64


class LegacyCharger(msgspec.Struct, frozen=True):
    """`rating_kw` is shared by the connectors."""

    name: str
    rating_kw: float
    connectors: int = 1
    kind: CurrentKind = CurrentKind.DC


class LegacyCircuit(msgspec.Struct, frozen=True):
    """`available_capacity_kw` is what is left of the rating for charging; left out, all of it."""

    name: str
    rating_kw: float
    parent: str | None = None
    available_capacity_kw: float | None = None
    chargers: tuple[LegacyCharger, ...] = ()

    @property
    def other_w(self) -> int:
        """What everything but charging takes, this circuit and all below it together."""
        available = self.rating_kw if self.available_capacity_kw is None else self.available_capacity_kw
        return _watts(self.rating_kw) - _watts(available)


class LegacyDefinition(msgspec.Struct, frozen=True):
    name: str
    circuits: tuple[LegacyCircuit, ...]
    description: str = ""


class _Mapped(NamedTuple):
    """`origins` leads from pointers in the new document back to what they were made from."""

    raw: dict[str, Any]
    origins: Mapping[str, str]


def import_circuits(source: Path | bytes, text_format: Format | None = None) -> Definition:
    """Read YAML or JSON as loading.load does. Raises InvalidInput with every fault, pointing into what was given."""
    text, raw = parse(source, text_format)
    try:
        return _convert(raw)
    except InvalidInput as error:
        raise InvalidInput(located(error.faults, text), error.detail) from None


def _convert(raw: Any) -> Definition:
    reading = read(raw, LegacyDefinition)
    faults, legacy = reading.faults, reading.document
    if legacy is not None and not reading.mended:
        faults.extend(_faults(legacy))
    faults.raise_if_any()
    assert legacy is not None, "no definition means a fault"
    connectors = sum(charger.connectors for circuit in legacy.circuits for charger in circuit.chargers)
    check("/circuits", connectors, LIMITS.connectors, "connectors", "split the definition")
    mapped = _map(legacy)
    try:
        return define(mapped.raw)
    except InvalidInput as error:
        raise InvalidInput([_traced(fault, mapped.origins) for fault in error.faults], error.detail) from None


def _faults(legacy: LegacyDefinition) -> Iterator[Fault]:
    """What the depot definition's own rules would not see."""
    yield from _ids_taken_twice(legacy)
    names = {circuit.name for circuit in legacy.circuits}
    below = _other_below(legacy)
    for index, circuit in enumerate(legacy.circuits):
        pointer = f"/circuits/{index}"
        if circuit.parent is not None and circuit.parent not in names:
            yield Fault(f"{pointer}/parent", quoted(circuit.parent), "the name of a circuit")
        yield from _ratings(pointer, circuit)
        own_w = circuit.other_w - below.get(circuit.name, 0)
        if circuit.other_w >= 0 > own_w:
            expected = (
                f"at most {power_text(_watts(circuit.rating_kw) - below[circuit.name])}, which the circuits below leave"
            )
            yield Fault(f"{pointer}/available_capacity_kw", f"{circuit.available_capacity_kw} kW", expected)


def _ids_taken_twice(legacy: LegacyDefinition) -> Iterator[Fault]:
    taken: dict[tuple[str, str], str] = {}
    for kind, pointer, name in _names(legacy):
        id = _id(name)
        first = taken.setdefault((kind, id), pointer)
        if not id:
            yield Fault(f"{pointer}/name", quoted(name), "a name with a letter or a digit in it")
        elif first != pointer:
            yield Fault(f"{pointer}/name", quoted(name), f"a name that makes another id than {first}/name makes: {id}")


def _names(legacy: LegacyDefinition) -> Iterator[tuple[str, str, str]]:
    for index, circuit in enumerate(legacy.circuits):
        yield "circuit", f"/circuits/{index}", circuit.name
        for at, charger in enumerate(circuit.chargers):
            yield "charger", f"/circuits/{index}/chargers/{at}", charger.name


def _ratings(pointer: str, circuit: LegacyCircuit) -> Iterator[Fault]:
    if circuit.rating_kw <= 0:
        yield Fault(f"{pointer}/rating_kw", f"{circuit.rating_kw}", "more than zero")
    available = circuit.available_capacity_kw
    if available is not None and not 0 <= available <= circuit.rating_kw:
        yield Fault(f"{pointer}/available_capacity_kw", f"{available}", f"from 0 to the rating, {circuit.rating_kw}")
    for index, charger in enumerate(circuit.chargers):
        at = f"{pointer}/chargers/{index}"
        if charger.rating_kw <= 0:
            yield Fault(f"{at}/rating_kw", f"{charger.rating_kw}", "more than zero")
        if not 1 <= charger.connectors <= MOST_CONNECTORS:
            yield Fault(f"{at}/connectors", f"{charger.connectors}", f"1 to {MOST_CONNECTORS}")


def _other_below(legacy: LegacyDefinition) -> dict[str, int]:
    """By circuit name, what everything but charging takes in the circuits right below."""
    below: dict[str, int] = {}
    for circuit in legacy.circuits:
        if circuit.parent is not None:
            below[circuit.parent] = below.get(circuit.parent, 0) + circuit.other_w
    return below


def _map(legacy: LegacyDefinition) -> _Mapped:
    origins: dict[str, str] = {}
    below = _other_below(legacy)
    nodes: list[dict[str, Any]] = []
    chargers: list[dict[str, Any]] = []
    for index, circuit in enumerate(legacy.circuits):
        origins[f"/topology/nodes/{index}"] = f"/circuits/{index}"
        nodes.append(_node(circuit, circuit.other_w - below.get(circuit.name, 0)))
        for at, charger in enumerate(circuit.chargers):
            origins[f"/chargers/{len(chargers)}"] = child(f"/circuits/{index}/chargers", at)
            chargers.append(_charger(charger, circuit))
    document = {
        "name": legacy.name,
        "description": legacy.description,
        "topology": {"nodes": nodes},
        "managed_scopes": [{"id": node["id"], "node": node["id"], "name": node["name"]} for node in nodes],
        "chargers": chargers,
    }
    return _Mapped(document, origins | {"/topology/nodes": "/circuits"})


def _node(circuit: LegacyCircuit, other_w: int) -> dict[str, Any]:
    node: dict[str, Any] = {
        "id": _id(circuit.name),
        "name": circuit.name,
        "limit": power_text(_watts(circuit.rating_kw)),
    }
    if circuit.parent is None:
        node["kind"] = "GRID_CONNECTION"
    else:
        node["parent"] = _id(circuit.parent)
    if other_w:
        node["other_load"] = [{"at": "00:00", "power": power_text(other_w)}]
    return node


def _charger(charger: LegacyCharger, circuit: LegacyCircuit) -> dict[str, Any]:
    return {
        "id": _id(charger.name),
        "name": charger.name,
        "node": _id(circuit.name),
        "kind": charger.kind.value,
        "rating": power_text(_watts(charger.rating_kw)),
        "connectors": [{"id": str(number + 1)} for number in range(charger.connectors)],
    }


def _traced(fault: Fault, origins: Mapping[str, str]) -> Fault:
    """The fault at what its place was made from; the longest known beginning of its pointer counts."""
    pointer, rest = fault.pointer, ""
    while pointer and pointer not in origins:
        pointer, _, token = pointer.rpartition("/")
        rest = f"/{token}{rest}"
    return msgspec.structs.replace(fault, pointer=origins.get(pointer, pointer) + rest)


def _id(name: str) -> str:
    return _NOT_IN_IDS.sub("-", name).strip("-._:")[:64]


def _watts(kilowatts: float) -> int:
    return round(kilowatts * 1_000)
