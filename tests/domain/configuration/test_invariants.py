"""The five invariants of a SimulationConfiguration, one test each; test_validation.py has the details."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from depot_sim.domain.configuration.aggregate import SimulationConfiguration
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.configuration.document import OscpCapacityProviderBinding
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.kernel.events import decode, encode
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.events import SimulationRunStarted
from tests.domain.configuration.samples import depot, faults_of

OSCP = "/projection_bindings/3"


@pytest.mark.parametrize(
    "nodes",
    [
        [],
        [{"id": "a"}, {"id": "b"}],
        [{"id": "a", "parent": "b"}, {"id": "b", "parent": "a"}],
        [{"id": "a"}, {"id": "b", "parent": "c"}, {"id": "c", "parent": "b"}],
        [{"id": "a"}, {"id": "b", "parent": "nowhere"}],
    ],
)
def test_the_topology_is_rooted_and_acyclic(nodes: list[dict[str, Any]]) -> None:
    with pytest.raises(InvalidInput):
        Definition.of({"name": "x", "topology": {"nodes": nodes}})


def test_every_managed_scope_references_an_existing_node() -> None:
    pointers = [fault.pointer for fault in faults_of(depot(("/managed_scopes/0/node", "nowhere")))]

    assert pointers == ["/managed_scopes/0/node"]


@pytest.mark.parametrize("binding", range(4))
def test_every_projection_binding_targets_one_managed_scope(binding: int) -> None:
    pointer = f"/projection_bindings/{binding}/managed_scope"

    for scope in ("nowhere", None, ["site", "site"]):
        assert [fault.pointer for fault in faults_of(depot((pointer, scope)))] == [pointer]


def test_binding_defaults_are_versioned_with_the_configuration() -> None:
    configuration = SimulationConfiguration("c-1")
    configuration.create(Definition.of(depot()))
    configuration.revise(Definition.of(depot((f"{OSCP}/group_id", "another-group"))))
    groups = []
    for event in configuration.take_pending():
        recorded: Any = decode(*encode(event))
        binding = Definition.recorded(bytes(recorded.document)).document.projection_bindings[3]
        assert isinstance(binding, OscpCapacityProviderBinding)
        groups.append(binding.group_id)

    assert groups == ["g", "another-group"]


def test_active_runs_never_adopt_a_new_version() -> None:
    configuration = SimulationConfiguration("c-1")
    first = Definition.of(depot())
    configuration.create(first)
    run = SimulationRun("r-1")
    document = msgspec.Raw(configuration.state.document_json)
    run.start(
        SimulationRunStarted(0, "r-1", "c-1", configuration.newest, document, 7, "2026-03-02T12:00:00+00:00", 60_000)
    )
    configuration.revise(Definition.of(depot(("/topology/nodes/0/limit", "1 kW"))))
    run.tick()
    again = SimulationRun("r-1")
    again.fold(decode(*encode(event)) for event in run.pending)

    for of_the_run in (run, again):
        assert of_the_run.started.configuration_version == 1
        assert of_the_run.depot.document == first.document
