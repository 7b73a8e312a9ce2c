"""The guard's problem documents: their type is the caller's."""

from __future__ import annotations

import json

import pytest

from depot_sim.connection_guard.responses import problem


@pytest.mark.parametrize(
    ("prefix", "type"), [("", "about:blank"), ("urn:example:problem:", "urn:example:problem:request-timeout")]
)
def test_the_type_begins_as_the_limits_say(prefix: str, type: str) -> None:
    document = json.loads(problem(408, "Too late.", prefix))
    assert document == {"type": type, "title": "Request Timeout", "status": 408, "detail": "Too late."}
