"""The page about the HTTP API: its examples print what they say, its table names every route and no other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar

from depot_sim.adapters.control_api import create_app
from depot_sim.adapters.control_api.openapi import describe
from depot_sim.bootstrap.front_door import behind_front_door
from depot_sim.bootstrap.service import Service, open_service
from depot_sim.bootstrap.settings import Identity, Settings
from tests.docs.console import Shell, examples
from tests.docs.http_api_table import PAGE, rows_of_page, takes_of_app

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with open_service(Settings(db="memory:"), Identity("here")) as opened:
        yield opened


@pytest.fixture
def app(service: Service) -> Litestar:
    return create_app(service.backend)


async def test_the_table_has_every_route_and_no_other(app: Litestar) -> None:
    assert set(rows_of_page()) == set(takes_of_app(describe(app)))


async def test_the_table_says_what_every_route_takes(app: Litestar) -> None:
    assert {route: row.takes for route, row in rows_of_page().items()} == takes_of_app(describe(app))


def test_every_route_gets_a_sentence() -> None:
    assert [route for route, row in rows_of_page().items() if not row.does.endswith((".", "?"))] == []


async def test_the_examples_print_what_the_page_says(app: Litestar, service: Service) -> None:
    printed = {}
    transport = httpx.ASGITransport(behind_front_door(app, app, service.doors))
    async with httpx.AsyncClient(transport=transport) as http:
        shell = Shell(http)
        for example in examples(PAGE.read_text(encoding="utf-8")):
            output = await shell.run(example.command)
            if not example.matches(output):
                printed[example.command] = {"page": example.printed, "service": output}
    assert printed == {}
