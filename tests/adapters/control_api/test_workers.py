"""A long import keeps neither commands nor definitions waiting, and only so many imports are taken in."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator

import pytest

from depot_sim.adapters.control_api.workers import BODIES, DEFINITIONS, IMPORTS, MOST_IMPORTS
from tests.adapters.control_api.client import Api, problem
from tests.domain.configuration.samples import depot

PADDING = " " * 100_000  # more than is parsed in the event loop
pytestmark = pytest.mark.anyio

IMPORT = "/simulation-configurations/import/block-csv?name=N&depots=X"
TABLE = b"block,depot,bus_type,pull_out_min,pull_in_min,km,kwh_avg_gen3\nb,X,STD,300,600,100,120\n"


@pytest.fixture
async def busy_imports() -> AsyncIterator[threading.Event]:
    """An import that goes on until the event is set."""
    released = threading.Event()
    running = asyncio.ensure_future(IMPORTS.run(released.wait))
    yield released
    released.set()
    await running


async def test_large_bodies_are_parsed_while_an_import_is_running(api: Api, busy_imports: threading.Event) -> None:
    command = json.dumps({"configuration_id": "missing"}) + PADDING
    problem(await api.post("/simulation-runs", command.encode()), 404, "not-found")

    definition = json.dumps(depot()) + PADDING
    assert (await api.post("/simulation-configurations", definition.encode())).status_code == 201
    assert not busy_imports.is_set()


async def test_an_import_that_is_one_too_many_is_refused_and_the_others_are_carried_out(
    api: Api, busy_imports: threading.Event
) -> None:
    imports = [asyncio.ensure_future(api.post(IMPORT, TABLE, Content_Type="text/csv")) for _ in range(MOST_IMPORTS + 1)]
    (refused,), _ = await asyncio.wait(imports, return_when=asyncio.FIRST_COMPLETED)
    response = await refused
    assert "repeat" in problem(response, 503, "too-busy")["hint"]
    assert response.headers["retry-after"]

    busy_imports.set()
    statuses = sorted([(await each).status_code for each in imports])
    assert statuses == [201] * MOST_IMPORTS + [503]
    assert (await api.post(IMPORT, TABLE, Content_Type="text/csv")).status_code == 201


async def test_each_kind_of_work_has_threads_of_its_own() -> None:
    names = {await kind.run(lambda: threading.current_thread().name) for kind in (BODIES, DEFINITIONS, IMPORTS)}
    assert {name.partition("_")[0] for name in names} == {"bodies", "definitions", "imports"}
