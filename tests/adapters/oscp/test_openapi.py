"""The description of the protocol API against the vocabulary, and against itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from depot_sim.adapters.oscp.openapi import describe
from depot_sim.domain.oscp.profiles import BETTERFLEET_VECTOR, OCA_2_0

PREFIX = "/oscp/cp/2.0"


def test_every_path_of_the_partner_profiles_is_described() -> None:
    described = {path.removeprefix(f"{PREFIX}/") for path in describe(PREFIX)["paths"]}
    assert described == {*BETTERFLEET_VECTOR.inbound_paths, *OCA_2_0.inbound_paths}


def test_registration_can_be_left_out() -> None:
    without = describe(PREFIX, registration=False)
    assert {path.removeprefix(f"{PREFIX}/") for path in without["paths"]} == {*BETTERFLEET_VECTOR.inbound_paths}
    assert "Register" not in without["components"]["schemas"]


@pytest.mark.parametrize("registration", [True, False])
def test_schemas_are_named_if_and_only_if_they_are_there(registration: bool) -> None:
    description = describe(PREFIX, registration=registration)
    named = {reference.removeprefix("#/components/schemas/") for reference in _references(description)}
    assert named == set(description["components"]["schemas"])


def test_every_message_is_answered_by_the_same_statuses() -> None:
    """Only that where the profile knows no registration there is no register."""
    for operation in _operations():
        more = {"404"} if operation["operationId"].startswith("register") else set()
        assert set(operation["responses"]) == {"204", "403", "422", "503"} | more
        assert "content" not in operation["responses"]["204"]


def test_operations_are_told_apart_by_their_ids() -> None:
    ids = [operation["operationId"] for operation in _operations()]
    assert len(set(ids)) == len(ids)


def test_what_answers_an_earlier_message_says_which() -> None:
    required = {
        operation["operationId"]
        for operation in _operations()
        for header in operation["parameters"]
        if header["name"] == "X-Correlation-ID" and header["required"]
    }
    assert required == {"handshake_acknowledge", "group_capacity_compliance_error"}


def test_measurement_configuration_is_all_that_a_behaviour_has_to_say() -> None:
    behaviour = describe(PREFIX)["components"]["schemas"]["RequiredBehaviour"]
    assert behaviour["required"] == ["measurement_configuration"]
    assert set(behaviour["properties"]) == {"measurement_configuration", "heartbeat_interval"}
    handshake = describe(PREFIX)["components"]["schemas"]["Handshake"]
    assert "required" not in handshake


def _operations() -> Iterator[dict[str, Any]]:
    for path in describe(PREFIX)["paths"].values():
        yield from path.values()


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
