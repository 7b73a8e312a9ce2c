"""What tests say to the API again and again."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.domain.configuration.samples import depot

Json = Any


class Api:
    """A thin hand on httpx."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.http.get(path, **options)

    async def post(self, path: str, body: Json = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is None:
            return await self.http.post(path, headers=named)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.http.post(path, content=content, headers={"Content-Type": "application/json"} | named)

    async def create(self, document: Json = None) -> str:
        """A configuration's id."""
        response = await self.post("/simulation-configurations", depot() if document is None else document)
        assert response.status_code == 201, response.text
        id: str = response.json()["id"]
        return id

    async def start(self, run_id: str = "r", **changes: Any) -> httpx.Response:
        """A manual run with ticks of a minute on a new configuration, unless told otherwise."""
        body = {"configuration_id": await self.create(), "run_id": run_id, "tick": "1 min", "clock": {"mode": "MANUAL"}}
        response = await self.post("/simulation-runs", body | changes)
        assert response.status_code == 201, response.text
        return response

    async def command(self, name: str, body: Json = None, run_id: str = "r", **headers: str) -> httpx.Response:
        return await self.post(f"/simulation-runs/{run_id}/commands/{name}", body, **headers)

    async def tick(self, count: int = 1, run_id: str = "r") -> Json:
        response = await self.command("tick", {"count": count}, run_id)
        assert response.status_code == 200, response.text
        return response.json()


def problem(response: httpx.Response, status: int, slug: str) -> Json:
    """The problem document of a refusal, once it is sure that it is one."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["type"] == f"urn:depot-sim:problem:{slug}"
    assert body["status"] == status
    assert body["title"]
    return body


def pointers(body: Json) -> list[str]:
    return [fault["pointer"] for fault in body["faults"]]
