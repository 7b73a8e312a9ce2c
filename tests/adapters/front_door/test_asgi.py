"""The front door as an ASGI application: what reaches the surfaces behind it, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from depot_sim.adapters.front_door.asgi import FrontDoor, GuardedSurface, Response
from depot_sim.adapters.front_door.rate import RefusalRate
from depot_sim.adapters.front_door.rules import DoorSettings, Refusal, Surface
from depot_sim.adapters.front_door.token_source import TokenSource
from depot_sim.application.access.actors import ADMISSION, LOCAL, Actor, Admission, Role
from tests.adapters.http.peers import Clock
from tests.application.access.doubles import CountedRefusals

pytestmark = pytest.mark.anyio

TOKEN = "operator-token-01234"
EXPOSED = DoorSettings(has_tokens=True, is_exposed=True)
LOCAL_ONLY = DoorSettings(has_tokens=False, is_exposed=False)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Site:
    """Two surfaces behind a door; the scopes that reached them, and the messages that were sent."""

    def __init__(self, settings: DoorSettings) -> None:
        self.reached: list[Any] = []
        self.audit = CountedRefusals()
        tokens = TokenSource([f"otto:operator:{TOKEN}"] if settings.has_tokens else [])
        oscp = GuardedSurface(Surface("oscp", asks_token=False), ("/oscp",), lambda _: "/oscp/*", _respond)
        control = GuardedSurface(Surface("control", asks_token=True), (), lambda _: "/{path}", _respond)
        limit = RefusalRate(60, Clock())
        self.door = FrontDoor(self._behind, [oscp], control, settings, tokens, limit=limit, audit=self.audit)

    async def _behind(self, scope: Any, _receive: Any, _send: Any) -> None:
        self.reached.append(scope)

    async def ask(self, type: str = "http", path: str = "/runs", **headers: str) -> list[Any]:
        """The messages that the door itself has sent."""
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            raise AssertionError("the door reads no body")

        raw = [(name.encode(), value.encode()) for name, value in {"host": "127.0.0.1:8420", **headers}.items()]
        scope = {"type": type, "path": path, "headers": raw, "client": ("127.0.0.1", 50_000)}
        await self.door({**scope, "method": "POST"} if type == "http" else scope, receive, send)
        return sent

    @property
    def admission(self) -> Admission:
        found: Admission = self.reached[-1][ADMISSION]
        return found


def _respond(refusal: Refusal) -> Response:
    return Response(refusal.status, (("content-type", "text/plain"),), refusal.rule.encode())


async def test_an_admitted_request_carries_sender_and_actor() -> None:
    site = Site(EXPOSED)
    assert await site.ask(authorization=f"bearer  {TOKEN} ") == []
    assert site.admission == Admission("127.0.0.1", Actor("otto", Role.OPERATOR), requires_credentials=True)
    assert await site.ask(path="/oscp/cp/2.0/heartbeat", authorization=f"Bearer {TOKEN}") == []
    assert site.admission == Admission("127.0.0.1", None, requires_credentials=True)


async def test_without_tokens_the_actor_is_the_local_operator() -> None:
    site = Site(LOCAL_ONLY)
    assert await site.ask() == []
    assert site.admission == Admission("127.0.0.1", LOCAL, requires_credentials=False)


@pytest.mark.parametrize("name", ["X-Forwarded-For", "forwarded", "VIA", "x-real-ip", "X-Forwarded-Host"])
async def test_without_tokens_a_header_of_a_proxy_is_refused_in_upper_and_lower_case(name: str) -> None:
    site = Site(LOCAL_ONLY)
    for path in ("/runs", "/oscp/cp/2.0/heartbeat"):
        start, body = await site.ask(path=path, **{name: "10.0.0.9"})
        assert (start["status"], body["body"]) == (403, b"forwarded")
    assert site.reached == []


async def test_a_refused_request_does_not_reach_its_surface() -> None:
    site = Site(EXPOSED)
    start, body = await site.ask()
    assert (start["status"], body["body"]) == (401, b"token.missing")
    assert site.reached == []
    (noted,) = site.audit.noted
    assert (noted.sender, noted.surface, noted.route, noted.reason) == (
        "127.0.0.1",
        "control",
        "/{path}",
        "token.missing",
    )


async def test_refused_requests_beyond_the_limit_get_429_and_valid_ones_none() -> None:
    site = Site(EXPOSED)
    statuses = [(await site.ask(authorization="Bearer wrong"))[0]["status"] for _ in range(100)]
    assert statuses == [401] * 60 + [429] * 40
    assert [noted.reason for noted in site.audit.noted] == ["token.unknown"] * 60 + ["rate"] * 40
    start, _ = await site.ask()
    assert dict(start["headers"])[b"retry-after"] == b"1"
    for _ in range(200):
        assert await site.ask(authorization=f"Bearer {TOKEN}") == []


async def test_a_thousand_sessions_of_one_address_are_not_limited() -> None:
    site = Site(LOCAL_ONLY)
    for _ in range(3_000):
        assert await site.ask(path="/oscp/cp/2.0/heartbeat") == []
    assert site.audit.noted == []


@pytest.mark.parametrize(
    ("settings", "path", "headers"),
    [
        (EXPOSED, "/runs", {}),
        (EXPOSED, "/oscp/ws", {"origin": "https://evil.example"}),
        (LOCAL_ONLY, "/oscp/ws", {"origin": "https://evil.example"}),
        (LOCAL_ONLY, "/oscp/ws", {"host": "evil.example", "origin": "http://evil.example"}),
        (LOCAL_ONLY, "/runs", {"origin": "null"}),
    ],
)
async def test_a_websocket_is_refused_before_it_opens(
    settings: DoorSettings, path: str, headers: dict[str, str]
) -> None:
    site = Site(settings)
    assert await site.ask("websocket", path, **headers) == [{"type": "websocket.close", "code": 1008}]
    assert site.reached == []


async def test_a_websocket_without_an_origin_comes_in() -> None:
    site = Site(LOCAL_ONLY)
    assert await site.ask("websocket", "/oscp/ws") == []
    assert len(site.reached) == 1


@pytest.mark.parametrize("path", ["/oscpx", "/OSCP", "//oscp", "/runs/oscp"])
async def test_paths_of_no_surface_are_those_of_the_one_that_asks_for_a_token(path: str) -> None:
    start, _ = await Site(EXPOSED).ask(path=path)
    assert start["status"] == 401


async def test_what_is_no_request_passes() -> None:
    site = Site(EXPOSED)
    assert await site.ask("lifespan") == []
    assert len(site.reached) == 1
