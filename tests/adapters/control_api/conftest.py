"""The whole service in this process, spoken to over HTTP without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import httpx
import pytest
from litestar import Litestar

from depot_sim.adapters.control_api import create_app
from depot_sim.bootstrap.front_door import behind_front_door
from depot_sim.bootstrap.service import Service, open_service
from depot_sim.bootstrap.settings import Identity, Settings
from tests.adapters.control_api.client import Api
from tests.adapters.control_api.oscp import OscpApi, Partner, create_session, listening, start_run

TOKENS = ("ana:viewer:viewer-token-0123456", "otto:operator:operator-token-01234")

_app: list[Litestar] = []


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with open_service(Settings(db="memory:"), Identity("here")) as opened:
        yield opened


@pytest.fixture
async def api(service: Service) -> AsyncIterator[Api]:
    """A client on this machine."""
    async with httpx.AsyncClient(transport=_transport(service), base_url="http://127.0.0.1:8420") as client:
        yield Api(client)


@pytest.fixture
async def partner() -> AsyncIterator[Partner]:
    """What sessions send goes here."""
    async with listening() as there:
        yield there


@pytest.fixture
async def session(partner: Partner, api: Api) -> OscpApi:
    """A new session of the manual run "r", offline.

    The partner comes first, so that it ends last: a server that is closed while a connection is being accepted leaves
    an unclosed transport behind (asyncio's Server in Python 3.11).
    """
    await start_run(api)
    return await create_session(api, partner.url)


@pytest.fixture
async def guarded() -> AsyncIterator[Callable[[str], Api]]:
    """A service with tokens: clients by the token they send, "" for none."""
    async with AsyncExitStack() as closing:
        service = await closing.enter_async_context(
            open_service(Settings(db="memory:", tokens=TOKENS), Identity("here"))
        )

        def client(token: str) -> Api:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            http = httpx.AsyncClient(transport=_transport(service), base_url="http://depot.example", headers=headers)
            closing.push_async_callback(http.aclose)
            return Api(http)

        yield client


def _transport(service: Service) -> httpx.ASGITransport:
    """Routes take longer to build than a test to run, so all tests of a process share them."""
    if not _app:
        _app.append(create_app(service.backend))
    _app[0].state.backend = service.backend
    return httpx.ASGITransport(behind_front_door(_app[0], _app[0], service.doors))
