"""A stage for packets: the stand-in over real HTTP, and packets as devices of any make would send them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import aiohttp

from depot_sim.standin.server import open_app, running
from depot_sim.standin.tokens import Gatekeeper
from tests.standin.stage import Answer

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
CONTROLLER, SCOPE = "mgc-1", "grid"
JSON = "application/json"


def at(seconds: float) -> datetime:
    """The packets' time, from the run's start."""
    return START + timedelta(seconds=seconds)


def text(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def measurement(key: str, value: object, unit: str | None = None, **more: object) -> dict[str, Any]:
    return {"key": key, "value": value, **({"unit": unit} if unit else {}), "quality": "OK", **more}


def packet(
    seq: int,
    seconds: float,
    *measurements: dict[str, Any],
    device: str = CONTROLLER,
    run: str = "run-1",
    **more: object,
) -> dict[str, Any]:
    """A full envelope; its id is that of this run's packet of this number, as the contract has it."""
    return {
        "schema": "bfsim.iot.packet/1",
        "type": "TELEMETRY",
        "packetId": str(uuid5(NAMESPACE_OID, f"{run}/{device}/{seq}")),
        "seq": seq,
        "siteId": "depot-1",
        "scopeId": SCOPE,
        "deviceId": device,
        "deviceType": "MICROGRID_CONTROLLER",
        "sentAt": text(at(seconds)),
        "profile": "default/1",
        "measurements": list(measurements),
        **more,
    }


def capacity(kw: float | None, status: str | None = "OK", **more: object) -> list[dict[str, Any]]:
    """The two that go together in every packet about a circuit's capacity (COR-40)."""
    available = [] if kw is None else [measurement("AVAILABLE_CHARGING_CAPACITY", kw, "kW", **more)]
    return available + ([] if status is None else [measurement("HEARTBEAT_STATUS", status)])


class Sender:
    """Whoever delivers packets, and the tester at the control routes."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session, self.url = session, url

    async def post(self, content: object, path: str = "/packets", **headers: str) -> Answer:
        """The answer of the endpoint; `content` may be bytes."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        headers = {"Content-Type": JSON, **headers}
        async with self.session.post(self.url + path, data=body, headers=headers, allow_redirects=False) as answer:
            is_json = answer.content_type.endswith("json") and answer.content_length
            return Answer(answer.status, json.loads(await answer.read()) if is_json else answer.headers)

    async def send(self, *contents: object) -> list[dict[str, Any]]:
        """What became of each packet, all of which are accepted."""
        outcomes = []
        for content in contents:
            answer = await self.post(content)
            assert answer.status == 202, answer
            outcomes += answer.body["packets"]
        return outcomes

    async def control(self, method: str, path: str, body: object = None) -> Answer:
        async with self.session.request(method, f"{self.url}/control/{path}", json=body) as answer:
            return Answer(answer.status, await answer.json() if answer.content_type == JSON else await answer.text())

    async def told(self, method: str, path: str, body: object = None) -> Any:
        """An order that is carried out."""
        answer = await self.control(method, path, body)
        assert answer.status in (200, 204), answer
        return answer.body

    async def microgrid(self) -> Any:
        return await self.told("GET", "microgrid")

    async def circuit(self, name: str = SCOPE) -> Any:
        [circuit] = [one for one in (await self.microgrid())["circuits"] if one["circuit"] == name]
        return circuit

    async def standing(self) -> tuple[str, float | None]:
        circuit = await self.circuit()
        return circuit["standing"], circuit["kw"]

    async def packets(self, query: str = "") -> list[Any]:
        """Newest first."""
        packets: list[Any] = (await self.told("GET", f"packets{query}"))["packets"]
        return packets

    async def misbehave(self, **rule: object) -> None:
        await self.told("PUT", "packets/misbehaviour", {"rules": [rule]})


def kinds(outcome: dict[str, Any]) -> list[str]:
    """What is odd about a packet."""
    return [one["kind"] for one in outcome["findings"]]


def played(
    gatekeeper: Callable[[], Gatekeeper] = Gatekeeper, paths: tuple[str, ...] = ("/packets",)
) -> Callable[[Callable[[Sender], Awaitable[None]]], Callable[[], None]]:
    """A test with a stand-in of its own."""

    def decorate(test: Callable[[Sender], Awaitable[None]]) -> Callable[[], None]:
        def run() -> None:
            asyncio.run(_play(test, gatekeeper(), paths))

        run.__name__, run.__doc__ = test.__name__, test.__doc__
        return run

    return decorate


async def _play(test: Callable[[Sender], Awaitable[None]], gatekeeper: Gatekeeper, paths: tuple[str, ...]) -> None:
    async with (
        open_app(gatekeeper, packet_paths=paths) as app,
        running(app, "127.0.0.1", 0) as url,
        aiohttp.ClientSession() as session,
    ):
        await test(Sender(session, url))
