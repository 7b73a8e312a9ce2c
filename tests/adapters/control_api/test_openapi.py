"""/openapi.json."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from depot_sim.adapters.control_api import create_app
from depot_sim.adapters.control_api.openapi import describe
from depot_sim.bootstrap.service import Service
from depot_sim.domain.run.commands import COMMANDS
from tests.adapters.control_api.client import Api

pytestmark = pytest.mark.anyio

Node = dict[str, Any]


@pytest.fixture
async def description(api: Api) -> Node:
    response = await api.get("/openapi.json")
    assert response.headers["content-type"] == "application/json"
    node: Node = response.json()
    return node


def operations(description: Node) -> Iterator[tuple[str, str, Node]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for each in node.values():
            yield from references(each)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


async def test_it_is_openapi_3_1_with_a_bearer_scheme(description: Node) -> None:
    assert description["openapi"] == "3.1.0"
    assert description["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


async def test_every_reference_leads_somewhere(description: Node) -> None:
    for reference in references(description):
        _, _, kind, name = reference.split("/")
        assert name in description["components"][kind], reference


async def test_every_operation_says_what_it_does_and_how_it_may_fail(description: Node) -> None:
    for path, method, operation in operations(description):
        assert operation["summary"], path
        assert operation["description"], path
        assert len(operation["tags"]) == 1, path
        assert "500" in operation["responses"], path
        if operation.get("security") != []:
            assert {"401", "403"} <= set(operation["responses"]), path
        if method in ("post", "put") and not path.endswith(("/import/gtfs", "/import/block-csv", "/rebuild", "/reset")):
            assert "application/json" in operation["requestBody"]["content"], path


async def test_operations_have_names_of_their_own(description: Node) -> None:
    names = [operation["operationId"] for _, _, operation in operations(description)]
    assert len(names) == len(set(names))


async def test_every_command_is_an_operation_with_its_body(description: Node) -> None:
    for name, command in COMMANDS.items():
        operation = description["paths"][f"/simulation-runs/{{run_id}}/commands/{name}"]["post"]
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        assert body == {"$ref": f"#/components/schemas/{command.__name__}"}
        assert "Idempotency-Key" in [parameter["name"] for parameter in operation["parameters"]]


async def test_path_and_query_parameters_are_described(description: Node) -> None:
    power = description["paths"]["/simulation-runs/{run_id}/power"]["get"]
    parameters = {parameter["name"]: parameter for parameter in power["parameters"]}
    assert set(parameters) == {"run_id", "node", "connector", "charger", "scope", "from", "to", "resolution"}
    assert parameters["run_id"]["in"] == "path"
    assert parameters["node"]["schema"] == {"type": "string"}
    assert parameters["resolution"]["schema"]["default"] == "1 min"


async def test_schemas_are_those_of_the_structs_with_their_docstrings(description: Node) -> None:
    schemas = description["components"]["schemas"]
    assert schemas["PlugIn"]["description"].startswith("Plug a parked bus in")
    assert schemas["PlugIn"]["required"] == ["vehicle"]
    assert schemas["PlugIn"]["additionalProperties"] is False
    assert schemas["VehicleType"]["properties"]["battery"]["default"] == "400 kWh"
    assert "SimulationConfigurationDocument" in schemas


async def test_a_replacement_requires_if_match(description: Node) -> None:
    put = description["paths"]["/simulation-configurations/{configuration_id}"]["put"]
    (if_match,) = [parameter for parameter in put["parameters"] if parameter["name"] == "If-Match"]
    assert if_match["required"] is True
    assert {"412", "428"} <= set(put["responses"])


async def test_event_streams_are_among_the_answers(description: Node) -> None:
    events = description["paths"]["/simulation-runs/{run_id}/events"]["get"]
    assert set(events["responses"]["200"]["content"]) == {"application/json", "application/jsonl", "text/event-stream"}


async def test_the_description_is_the_same_every_time(service: Service) -> None:
    app = create_app(service.backend)
    assert describe(app) == describe(app)
