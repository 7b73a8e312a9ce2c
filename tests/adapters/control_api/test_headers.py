"""Headers that may be there once: parameters of what is answered, and values of what is asked."""

from __future__ import annotations

import re
from typing import Any

import pytest

from depot_sim.adapters.control_api.single_headers import SINGLE_HEADERS
from tests.adapters.control_api.client import Api, pointers, problem

pytestmark = pytest.mark.anyio


def parameters(content_type: str) -> list[str]:
    return [part.partition("=")[0].strip().lower() for part in content_type.split(";")[1:]]


async def test_no_route_gives_a_parameter_of_its_content_type_twice(api: Api) -> None:
    await api.start()
    description = (await api.get("/openapi.json")).json()
    checked = 0
    for path, operations in description["paths"].items():
        if "/expect" in path:  # these may wait
            continue
        address = re.sub(r"{[^}]+}", "x", path.replace("{run_id}", "r"))
        for method in operations:
            response = await api.http.request(method.upper(), address)
            content_type = response.headers.get("content-type", "")
            named = parameters(content_type)
            assert len(named) == len(set(named)), f"{method} {address}: {content_type}"
            assert response.headers.get_list("content-type") in ([], [content_type])
            checked += 1
    assert checked > 100


async def test_metrics_say_version_and_charset_once(api: Api) -> None:
    assert (await api.get("/metrics")).headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_an_event_stream_and_lines_say_their_type_once(api: Api) -> None:
    await api.start()
    lines = await api.get("/events", headers={"Accept": "application/jsonl"})
    assert lines.headers["content-type"] == "application/jsonl"


@pytest.mark.parametrize("header", SINGLE_HEADERS)
async def test_a_single_header_given_twice_is_refused_by_name_and_nothing_is_done(api: Api, header: str) -> None:
    await api.start()
    version = (await api.get("/events?limit=1000")).json()["next"]
    values = {"Authorization": "Bearer x", "Content-Type": "application/json"}
    value = values.get(header, "1")
    doubled: list[tuple[str, str]] = [("Content-Type", "application/json"), (header.lower(), value), (header, value)]
    refused = await api.http.post("/simulation-runs/r/commands/tick", content=b'{"count": 1}', headers=doubled)

    assert pointers(problem(refused, 422, "invalid-input")) == [f"/{header}"]
    assert (await api.get("/events?limit=1000")).json()["next"] == version


async def test_every_header_given_twice_is_named(api: Api) -> None:
    doubled: list[tuple[str, str]] = [("X-Request-ID", "a"), ("Idempotency-Key", "k")] * 2
    refused: Any = problem(await api.http.get("/simulation-runs", headers=doubled), 422, "invalid-input")
    assert pointers(refused) == ["/Idempotency-Key", "/X-Request-ID"]
    assert {fault["found"] for fault in refused["faults"]} == {"the header 2 times"}


async def test_headers_that_are_lists_may_be_given_in_parts(api: Api) -> None:
    parts = [("Accept", "text/html"), ("Accept", "application/json"), ("X-Anything", "a"), ("X-Anything", "a")]
    assert (await api.http.get("/simulation-runs", headers=parts)).status_code == 200


async def test_liveness_is_told_whatever_the_headers(api: Api) -> None:
    assert (await api.http.get("/livez", headers=[("X-Request-ID", "a")] * 2)).status_code == 200
