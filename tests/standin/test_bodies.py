"""The stand-in reads bodies within the limits that the simulator's server has."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from depot_sim.connection_guard import Limits
from depot_sim.standin.bodies import LARGEST_BODY_BYTES
from depot_sim.standin.server import open_app, running
from depot_sim.standin.tokens import Gatekeeper
from tests.adapters.http.peers import Caller, Heard, calling

PATHS = ["/packets", "/oscp/fp/2.0/heartbeat", "/oauth/token", "/control/connections/c"]
SLOW = Limits(body_seconds=0.2, body_bytes_per_second=1_000)
Port = int


def played(test: Callable[[Port], Awaitable[None]], limits: Limits) -> None:
    async def play() -> None:
        async with open_app(Gatekeeper(), limits=limits) as app, running(app, "127.0.0.1", 0) as url:
            await test(int(url.rpartition(":")[2]))

    asyncio.run(play())


def head(path: str, length: int) -> bytes:
    method = "PUT" if path.startswith("/control") else "POST"
    form = "Content-Type: application/x-www-form-urlencoded"
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{form}\r\nContent-Length: {length}\r\n\r\n".encode()


async def heard(caller: Caller) -> tuple[Heard, Any]:
    answer = await caller.hear()
    assert answer is not None
    return answer, json.loads(answer.body)


@pytest.mark.parametrize("path", PATHS)
def test_a_body_that_does_not_come_is_refused(path: str) -> None:
    async def test(port: Port) -> None:
        async with calling(port) as caller:
            caller.writer.write(head(path, 5) + b"ab")
            answer, body = await heard(caller)
            assert (answer.status, answer.headers["connection"]) == (408, "close")
            assert "No part of the body has arrived for 0.2 s" in body["message"]

    played(test, SLOW)


def test_a_body_that_comes_too_slowly_is_refused() -> None:
    async def test(port: Port) -> None:
        async with calling(port) as caller:
            answer = asyncio.create_task(heard(caller))
            caller.writer.write(head("/packets", 5_000))
            while not answer.done():
                caller.writer.write(b"x")
                await asyncio.sleep(0.05)  # a byte within each `body_seconds`
            response, _ = await answer
            assert response.status == 408

    played(test, SLOW)


def test_bodies_beyond_the_memory_for_them_are_refused_and_it_is_given_back() -> None:
    async def test(port: Port) -> None:
        for _ in range(3):
            async with calling(port) as caller:
                caller.writer.write(head("/packets", 200_000) + b"x" * 200_000)
                answer, body = await heard(caller)
                assert (answer.status, answer.headers["retry-after"]) == (503, "5")
                assert "body-bytes-under-way" in body["message"]
            async with calling(port) as caller:
                caller.writer.write(head("/packets", 90_000) + b"x" * 90_000)
                assert (await heard(caller))[0].status == 400

    played(test, Limits(body_bytes_under_way=100_000))


def test_a_body_beyond_the_largest_is_refused() -> None:
    async def test(port: Port) -> None:
        async with calling(port) as caller:
            caller.writer.write(head("/packets", LARGEST_BODY_BYTES + 1) + bytes(LARGEST_BODY_BYTES + 1))
            assert (await heard(caller))[0].status == 413

    played(test, Limits())
