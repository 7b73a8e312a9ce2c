"""Ids are unique within their list; VINs among all vehicles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from depot_sim.domain.configuration.document import SimulationConfigurationDocument
from depot_sim.domain.configuration.validation.finding import Finding, finding
from depot_sim.domain.configuration.validation.topology import NODES
from depot_sim.domain.kernel.problems import quoted

LISTS = (
    "managed_scopes",
    "vehicle_types",
    "vehicles",
    "chargers",
    "sensors",
    "bess",
    "pv",
    "microgrid_controllers",
    "projection_bindings",
    "scenario_presets",
    "disturbance_profiles",
)


def check_identities(document: SimulationConfigurationDocument) -> Iterator[Finding]:
    yield from _unique(NODES, "id", (node.id for node in document.topology.nodes))
    for name in LISTS:
        yield from _unique(f"/{name}", "id", (entry.id for entry in getattr(document, name)))
    for index, vehicle in enumerate(document.vehicles):
        yield from _unique(f"/vehicles/{index}/duties", "id", (duty.id for duty in vehicle.duties))
    for index, charger in enumerate(document.chargers):
        yield from _unique(f"/chargers/{index}/connectors", "id", (connector.id for connector in charger.connectors))
    yield from _unique("/vehicles", "vin", (vehicle.vin for vehicle in document.vehicles))


def _unique(pointer: str, field: str, values: Iterable[str]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, value in enumerate(values):
        if not value:
            continue
        if value in first:
            expected = f"another {field}: {pointer}/{first[value]}/{field} has this one"
            yield finding(f"{pointer}/{index}/{field}", quoted(value), expected)
        first.setdefault(value, index)
