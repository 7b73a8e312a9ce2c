"""Every reference by id leads to something in the document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import NamedTuple

from depot_sim.domain.configuration.document import OscpCapacityProviderBinding, SimulationConfigurationDocument
from depot_sim.domain.configuration.validation.finding import Finding, finding
from depot_sim.domain.configuration.validation.topology import NODES
from depot_sim.domain.kernel.problems import quoted

_MOST_SUGGESTIONS = 20  # finding a near id among many costs time
_MOST_CANDIDATES = 2_000


class _Target(NamedTuple):
    """What can be referred to: its list, how it is called, its ids."""

    pointer: str
    called: str
    ids: frozenset[str]


Reference = tuple[str, str | None, _Target]


def check_references(document: SimulationConfigurationDocument) -> Iterator[Finding]:
    suggestions_left = _MOST_SUGGESTIONS
    for pointer, reference, target in _references(document):
        if reference is not None and reference not in target.ids:
            suggesting = suggestions_left > 0 and len(target.ids) <= _MOST_CANDIDATES
            near = get_close_matches(reference, sorted(target.ids), n=1) if suggesting else []
            suggestions_left -= 1
            expected = f"the id of {target.called}" + (f', such as "{near[0]}"' if near else "")
            yield finding(pointer, quoted(reference), expected, target.pointer)


def _references(document: SimulationConfigurationDocument) -> Iterator[Reference]:
    nodes = _Target(NODES, "a node", _ids(document.topology.nodes))
    for name in ("managed_scopes", "chargers", "bess", "pv", "microgrid_controllers"):
        for index, entry in enumerate(getattr(document, name)):
            yield f"/{name}/{index}/node", entry.node, nodes
    yield from _vehicle_references(document)
    yield from _sensor_references(document, nodes)
    yield from _binding_references(document)


def _vehicle_references(document: SimulationConfigurationDocument) -> Iterator[Reference]:
    types = _Target("/vehicle_types", "a vehicle type", _ids(document.vehicle_types))
    full = frozenset(
        f"{charger.id}/{connector.id}" for charger in document.chargers for connector in charger.connectors
    )
    connectors = _Target("/chargers", 'a connector as "charger/connector"', full)
    for index, vehicle in enumerate(document.vehicles):
        yield f"/vehicles/{index}/type", vehicle.type, types
        yield f"/vehicles/{index}/connector", vehicle.connector, connectors


def _sensor_references(document: SimulationConfigurationDocument, nodes: _Target) -> Iterator[Reference]:
    targets = {
        "node": nodes,
        "charger": _Target("/chargers", "a charger", _ids(document.chargers)),
        "bess": _Target("/bess", "a BESS", _ids(document.bess)),
        "pv": _Target("/pv", "a PV array", _ids(document.pv)),
    }
    for index, sensor in enumerate(document.sensors):
        for field, target in targets.items():
            yield f"/sensors/{index}/{field}", getattr(sensor, field), target


def _binding_references(document: SimulationConfigurationDocument) -> Iterator[Reference]:
    scopes = _Target("/managed_scopes", "a managed scope", _ids(document.managed_scopes))
    presets = _Target("/scenario_presets", "a scenario preset", _ids(document.scenario_presets))
    for index, binding in enumerate(document.projection_bindings):
        yield f"/projection_bindings/{index}/managed_scope", binding.managed_scope, scopes
        if isinstance(binding, OscpCapacityProviderBinding):
            yield f"/projection_bindings/{index}/scenario_preset", binding.scenario_preset, presets


def _ids(entries: Iterable[object]) -> frozenset[str]:
    return frozenset(entry.id for entry in entries)  # type: ignore[attr-defined]
