"""A stage for the stand-in: a capacity provider played by the test, both sides over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import aiohttp
from aiohttp import web

from depot_sim.standin.changes import Changes
from depot_sim.standin.server import open_app, running
from depot_sim.standin.tokens import Gatekeeper
from depot_sim.standin.wire import timestamp
from tests.patience import patient

CONFIGURATION = "2b5f4a88-d4b4-41ad-a1c8-889f3ee71111"
PATIENCE_SECONDS = patient(60)


class Received(NamedTuple):
    """A message the stand-in has sent."""

    message: str
    headers: dict[str, str]
    body: Any


class Answer(NamedTuple):
    """What a route of the stand-in answered."""

    status: int
    body: Any


class CapacityProvider:
    """Answers 204 unless told otherwise; None leaves the peer without an answer, a future until it has its result."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: dict[str, int | asyncio.Future[int] | None] = {}
        self._changes = Changes()

    async def take(self, request: web.Request) -> web.Response:
        message = request.match_info["message"]
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(message, headers, await request.json()))
        self._changes.announce()
        status = self.answers.get(message, 204)
        if status is None:
            await asyncio.Event().wait()
        if isinstance(status, asyncio.Future):
            status = await status
        return web.Response(status=status or 204)

    def hold(self, message: str) -> asyncio.Future[int]:
        """The status to answer these messages with is to be set later."""
        held: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.answers[message] = held
        return held

    def all(self, message: str) -> list[Received]:
        return [one for one in self.received if one.message == message]

    async def receives(self, message: str, count: int = 1) -> Received:
        """The message of that number, once it is here."""
        came = await self._changes.until(lambda: len(self.all(message)) >= count, PATIENCE_SECONDS)
        assert came, f"{len(self.all(message))} of {count} {message} have come"
        return self.all(message)[count - 1]


class Stage:
    """One connection of the stand-in, the capacity provider it talks to, and ways to act on either side."""

    def __init__(self, session: aiohttp.ClientSession, url: str, cp: CapacityProvider) -> None:
        self.session, self.url, self.cp = session, url, cp
        self._numbers = iter(range(1, 1_000_000))

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        async with self.session.request(method, self.url + path, json=body, headers=headers) as answer:
            is_json = answer.content_type == "application/json"
            return Answer(answer.status, await answer.json() if is_json else await answer.text())

    async def control(self, path: str = "", body: Any = None, method: str = "POST") -> Any:
        """An order that is carried out."""
        answer = await self.call(method, f"/control/connections/{CONFIGURATION}{path}", body)
        assert answer.status in (200, 204), answer
        return answer.body

    async def refused(self, path: str = "", body: Any = None, method: str = "POST") -> Answer:
        """An order that is not."""
        answer = await self.call(method, f"/control/connections/{CONFIGURATION}{path}", body)
        assert answer.status >= 400, answer
        return answer

    async def state(self) -> Any:
        return await self.control(method="GET")

    async def wait(self, **wanted: object) -> Any:
        query = "&".join(f"{name}={value}" for name, value in {"timeout": PATIENCE_SECONDS, **wanted}.items())
        return await self.control(f"/wait?{query}", method="GET")

    async def post(self, message: str, body: Any, request_id: str | None = None, **headers: str) -> Answer:
        """A message from the capacity provider."""
        headers = {
            "X-OSCP-Configuration-ID": CONFIGURATION,
            "X-Request-ID": request_id or f"cp-{next(self._numbers)}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return await self.call("POST", f"/oscp/fp/2.0/{message}", body, **headers)

    async def heartbeat(self, good_for: float = 60) -> Answer:
        return await self.post("heartbeat", {"offline_mode_at": timestamp(now() + timedelta(seconds=good_for))})

    async def forecast(self, type: str, *blocks: dict[str, Any], request_id: str | None = None) -> Answer:
        body = {"group_id": "group-1", "type": type, "forecasted_blocks": list(blocks)}
        return await self.post("update_group_capacity_forecast", body, request_id)

    async def handshake(self, interval: float | None = 60) -> Answer:
        """From the capacity provider."""
        return await self.post("handshake", {"required_behaviour": behaviour(interval)}, request_id="cp-handshake")

    async def go_online(self, interval: float | None = 60, good_for: float = 60) -> None:
        """By a handshake of the capacity provider, acknowledged, and its first heartbeat."""
        assert (await self.handshake(interval)).status == 204
        await self.wait(lifecycle="HANDSHAKEN")
        assert (await self.heartbeat(good_for)).status == 204


def behaviour(interval: float | None) -> dict[str, Any]:
    required: dict[str, Any] = {"measurement_configuration": ["INTERMITTENT"]}
    return required if interval is None else {**required, "heartbeat_interval": interval}


def now() -> datetime:
    return datetime.now(UTC)


def block(kw: float, start: float = -60, end: float = 3600, unit: str = "KW") -> dict[str, Any]:
    """A block from and until so many seconds from now."""
    times = {
        "start_time": timestamp(now() + timedelta(seconds=start)),
        "end_time": timestamp(now() + timedelta(seconds=end)),
    }
    return {"capacity": kw, "phase": "ALL", "unit": unit, **times}


def on_stage(
    gatekeeper: Callable[[], Gatekeeper] = Gatekeeper, **profile: Any
) -> Callable[[Callable[[Stage], Awaitable[None]]], Callable[[], None]]:
    """A test that is played on a stage of its own, with a connection of this profile."""

    def decorate(test: Callable[[Stage], Awaitable[None]]) -> Callable[[], None]:
        def run() -> None:
            asyncio.run(_play(test, gatekeeper(), profile))

        run.__name__, run.__doc__ = test.__name__, test.__doc__
        return run

    return decorate


async def _play(test: Callable[[Stage], Awaitable[None]], gatekeeper: Gatekeeper, profile: dict[str, Any]) -> None:
    cp = CapacityProvider()
    async with (
        _served(cp) as cp_url,
        open_app(gatekeeper) as app,
        running(app, "127.0.0.1", 0) as url,
        aiohttp.ClientSession() as session,
    ):
        stage = Stage(session, url, cp)
        defaults = {"cp_base_url": f"{cp_url}/oscp/cp/2.0", "group_id": "group-1", "heartbeat_interval": 60}
        await stage.control(body={**defaults, **profile}, method="PUT")
        await test(stage)


@asynccontextmanager
async def _served(cp: CapacityProvider) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes([web.post("/oscp/cp/2.0/{message}", cp.take)])
    async with running(app, "127.0.0.1", 0) as url:
        yield url
