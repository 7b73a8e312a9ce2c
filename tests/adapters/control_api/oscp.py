"""A partner of OSCP sessions on this machine, and a session with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
from aiohttp import web

from tests.adapters.control_api.client import Api
from tests.domain.configuration.samples import depot

CONFIGURATION = "2b5f4a88-d4b4-41ad-a1c8-889f3ee71111"


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    body: str


class Partner:
    """Answers everything with `status` and keeps what it got."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 204
        self.received: list[Received] = []

    async def answer(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(request.path, headers, await request.text()))
        return web.Response(status=self.status)


@asynccontextmanager
async def listening() -> AsyncIterator[Partner]:
    partner, app = Partner(), web.Application()
    app.router.add_route("*", "/{path:.*}", partner.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        partner.url = f"http://{host}:{port}/oscp"
        yield partner
    finally:
        await runner.cleanup()


class OscpApi:
    """One session, spoken to over the control API."""

    def __init__(self, api: Api, path: str, session_id: str) -> None:
        self.api = api
        self.path = path
        self.session_id = session_id

    async def get(self, path: str = "", **query: Any) -> httpx.Response:
        return await self.api.get(f"{self.path}{path}", params=query)

    async def post(self, path: str, body: Any = None) -> httpx.Response:
        return await self.api.post(f"{self.path}{path}", body)

    async def delete(self, path: str = "") -> httpx.Response:
        return await self.api.http.delete(f"{self.path}{path}")

    async def command(self, name: str, body: Any = None) -> httpx.Response:
        return await self.post(f"/commands/{name}", {} if body is None else body)

    async def override(self, body: Any) -> httpx.Response:
        return await self.api.http.patch(f"{self.path}/overrides", json=body)

    async def go_online(self) -> None:
        response = await self.command("force-state", {"state": "online"})
        assert response.status_code == 200, response.text

    async def messages(self, **query: Any) -> list[dict[str, Any]]:
        response = await self.get("/messages", **query)
        assert response.status_code == 200, response.text
        messages: list[dict[str, Any]] = response.json()["messages"]
        return messages


async def start_run(api: Api, run_id: str = "r") -> None:
    """A manual run of a depot with the scope that the design's examples name."""
    changes: tuple[tuple[str, Any], ...] = (
        ("/managed_scopes/0/id", "scope-grid-1"),
        ("/projection_bindings", []),
    )
    await api.start(run_id, configuration_id=await api.create(depot(*changes)))


async def create_session(api: Api, url: str, run_id: str = "r", **changes: Any) -> OscpApi:
    body = {
        "managed_scope_id": "scope-grid-1",
        "betterfleet_base_url": url,
        "remote_configuration_id": CONFIGURATION,
        "group_id": "group-1",
    }
    response = await api.post(f"/simulation-runs/{run_id}/oscp-sessions", body | changes)
    assert response.status_code == 201, response.text
    return OscpApi(api, response.headers["location"], response.json()["session_id"])
