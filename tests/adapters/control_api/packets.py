"""A packet feed of a manual run, and the platform that it sends to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx

from tests.adapters.control_api.client import Api
from tests.adapters.control_api.oscp import Partner, start_run
from tests.patience import patient

FEED = "/simulation-runs/r/packet-feeds/meters"


class FeedApi:
    """One feed of a manual run, and the platform it sends to."""

    def __init__(self, api: Api, partner: Partner) -> None:
        self.api = api
        self.partner = partner

    async def override(self, body: Any) -> httpx.Response:
        return await self.api.http.patch(f"{FEED}/overrides", json=body)

    async def expect(self, body: Any) -> str:
        response = await self.api.post(f"{FEED}/expectations", body)
        assert response.status_code == 201, response.text
        id: str = response.json()["expectation_id"]
        assert response.headers["location"] == f"{FEED}/expectations/{id}"
        return id

    async def verdict(self, id: str) -> Any:
        return (await self.api.get(f"{FEED}/expectations/{id}", params={"wait": 30})).json()

    async def tick(self) -> None:
        """A minute, and every packet of it published and settled."""
        await self.api.tick()
        await self.settled()

    async def settled(self) -> None:
        await self.comes_to(lambda feed: not feed.get("undelivered"))

    async def comes_to(self, holds: Callable[[Any], bool]) -> None:
        """Wait until the feed has seen all of its run, and this holds."""
        version = (await self.api.get("/simulation-runs/r")).json()["version"]
        async with asyncio.timeout(patient(60)):
            while True:
                feed = (await self.api.get(FEED)).json()
                if feed["checkpoint"]["run_version"] >= version - 1 and holds(feed):
                    return
                await asyncio.sleep(0.01)

    def sent(self, type: str) -> list[Any]:
        """Packets of this type that arrived, in order."""
        packets = [json.loads(received.body) for received in self.partner.received]
        return [packet for packet in packets if packet["type"] == type]


async def open_feed(api: Api, partner: Partner) -> FeedApi:
    """Of a run that was moved by its first minute."""
    await start_run(api)
    asked = {"binding_id": "meters", "managed_scope_id": "scope-grid-1", "endpoint": f"{partner.url}/packets"}
    response = await api.post("/simulation-runs/r/packet-feeds", asked)
    assert response.status_code == 201, response.text
    opened = FeedApi(api, partner)
    await opened.tick()
    return opened
