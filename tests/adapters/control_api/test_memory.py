"""No operation parses a body, and none starts a run, when the memory for it is not there."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar

from depot_sim.adapters.configuration_import.common_job import common_job
from depot_sim.adapters.control_api import create_app
from depot_sim.application.memory import MemoryBudget, Room
from depot_sim.bootstrap.front_door import behind_front_door
from depot_sim.bootstrap.service import open_service
from depot_sim.bootstrap.settings import Identity, Settings
from tests.adapters.control_api.client import Api

MB = 10**6
BODY = b"{" + b" " * 200_000 + b"}"


def archive() -> bytes:
    """1 kB that unpack to 1 MB."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("stops.txt", "x" * MB)
    return packed.getvalue()


BODIES = {"text/csv": b"block\n" * 2_000, "application/zip": archive()}
BUSES = 200
FINDS_ITS_CONFIGURATION_FIRST = {("put", "/simulation-configurations/{configuration_id}")}


class _Memory:
    left = 10_000 * MB

    def room(self) -> Room:
        return Room("memory.max of the cgroup", 256 * MB, self.left)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def memory() -> _Memory:
    return _Memory()


@pytest.fixture
async def api(memory: _Memory) -> AsyncIterator[Api]:
    async with open_service(Settings(db="memory:"), Identity("here"), memory=MemoryBudget(memory)) as service:
        app: Litestar = create_app(service.backend)
        transport = httpx.ASGITransport(behind_front_door(app, app, service.doors))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8420") as http:
            yield Api(http)


@pytest.mark.anyio
async def test_every_operation_with_a_body_refuses_it(api: Api, memory: _Memory) -> None:
    memory.left = 30 * MB
    described = (await api.http.get("/openapi.json")).json()["paths"]
    operations = {
        (method, path): next(iter(operation["requestBody"]["content"]))
        for path, methods in described.items()
        for method, operation in methods.items()
        if "requestBody" in operation and not path.startswith("/oscp")
    }
    assert len(operations) > 40
    answers = {
        key: await api.http.request(
            key[0],
            re.sub(r"\{[^}]*\}", "x", key[1]),
            params={"name": "n"} if "/import/" in key[1] and "legacy" not in key[1] else None,
            content=BODIES.get(media_type, BODY),
            headers={"Content-Type": media_type},
        )
        for key, media_type in operations.items()
    }

    told = {key: answer.status_code for key, answer in answers.items()}
    assert {key: status for key, status in told.items() if status != 503} == dict.fromkeys(
        FINDS_ITS_CONFIGURATION_FIRST, 404
    )
    refused = [answer.json() for answer in answers.values() if answer.status_code == 503]
    assert {problem["type"] for problem in refused} == {"urn:depot-sim:problem:memory-short"}
    assert all("256 MB (memory.max of the cgroup)" in problem["detail"] for problem in refused)


@pytest.mark.anyio
async def test_a_run_is_refused_when_its_world_does_not_fit(api: Api, memory: _Memory) -> None:
    depot = common_job(BUSES, 1).document_json
    json = {"Content-Type": "application/json"}
    created = await api.http.post("/simulation-configurations", content=depot, headers=json)
    memory.left = 50 * MB

    refused = await api.post("/simulation-runs", {"configuration_id": created.json()["id"], "run_id": "r"})

    assert refused.status_code == 503
    assert "the run needs about 4 MB of memory; 50 MB are left" in refused.json()["detail"]
    assert (await api.get("/simulation-runs/r")).status_code == 404


@pytest.mark.anyio
async def test_work_under_way_is_given_back_when_a_body_is_faulty(api: Api, memory: _Memory) -> None:
    memory.left = 55 * MB
    for _ in range(5):
        answer = await api.http.post(
            "/simulation-configurations",
            content=BODY,
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 422, answer.text
