"""How much memory and how many connections the clients of a served application take."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from depot_sim.connection_guard import Limits
from tests.adapters.http.peers import calling
from tests.connection_guard.served import (
    HALF_BODY,
    LARGE,
    Site,
    ask,
    ask_elsewhere,
    exchange,
    get,
    post,
    problem,
    served,
    until,
)

pytestmark = pytest.mark.anyio


class TestMemoryOfBodies:
    @pytest.fixture
    async def small(self, closing: AsyncExitStack) -> Site:
        """With memory for one body of 200,000 bytes and not for two."""
        return await served(closing, Limits(body_bytes_under_way=2 * LARGE))

    async def test_what_does_not_fit_is_refused_and_the_connection_closed(self, small: Site) -> None:
        async with calling(small.port) as holding:
            holding.writer.write(HALF_BODY)
            await small.memory_taken()
            refused = await exchange(small.port, HALF_BODY, b"x" * LARGE)
            assert problem(refused)["status"] == 503
            assert b"retry-after: 5" in refused
            holding.writer.write(b"x" * LARGE)
            heard = await holding.hear()
            assert heard is not None
            assert heard.status == 200

    async def test_small_bodies_are_processed_meanwhile(self, small: Site) -> None:
        async with calling(small.port) as holding, calling(small.port) as other:
            holding.writer.write(HALF_BODY)
            await small.memory_taken()
            other.writer.write(post("/", "Content-Length: 5", body=b"ab"))
            await small.asked.get()
            other.writer.write(b"cde")
            heard = await other.hear()
            assert heard is not None
            assert heard.status == 200

    async def test_the_memory_is_free_again_after_a_response_and_after_a_disconnect(self, small: Site) -> None:
        for _ in range(3):
            async with calling(small.port) as caller:
                caller.writer.write(HALF_BODY)
                await small.memory_taken()
            await small.disconnects.get()
            await small.memory_free()
            answer = await exchange(
                small.port, post("/", f"Content-Length: {LARGE}", "Connection: close"), b"x" * LARGE
            )
            assert answer.startswith(b"HTTP/1.1 200")
            await small.memory_free()

    @pytest.mark.parametrize(
        ("request_", "rest"),
        [(get(), b""), (post("/", "Content-Length: 5", body=b"ab"), b"cde")],
        ids=["whole", "with a late body"],
    )
    async def test_what_is_kept_for_a_request_is_freed_while_its_connection_stays_open(
        self, site: Site, request_: bytes, rest: bytes
    ) -> None:
        async with calling(site.port) as caller:
            caller.writer.write(request_)
            await site.asked.get()
            caller.writer.write(rest)
            assert await caller.hear() is not None
            await until(lambda: site.kept[0]() is None)


class TestConnections:
    LIMITS = Limits(connections=40, connections_per_address=30)
    NEIGHBOURS = "127.0.0.2", "127.0.0.3"

    async def test_more_than_the_limit_are_refused(self, closing: AsyncExitStack) -> None:
        limited = await served(closing, Limits(connections=6, connections_per_address=5))
        callers = [await closing.enter_async_context(calling(limited.port)) for _ in range(5)]
        for caller in callers:
            caller.say("GET", "/unanswered")
            await limited.asked.get()
        assert problem(await exchange(limited.port, get()))["status"] == 503
        await callers[0].hang_up()
        await limited.disconnects.get()
        await until(lambda: limited.guard.open_connections == 4)
        async with calling(limited.port) as another:
            assert (await ask(another)).status == 200

    @pytest.mark.parametrize("half", [b"", get()[:-2], post("/", "Content-Length: 5", body=b"ab")])
    async def test_others_are_served_while_two_addresses_send_half_requests(
        self, closing: AsyncExitStack, half: bytes
    ) -> None:
        site = await served(closing, self.LIMITS)
        async with calling(site.port) as partner, calling(site.port) as waiting, calling(site.port) as following:
            await ask(partner)
            waiting.say("GET", "/unanswered")
            following.say("GET", "/events")
            await following.reader.readuntil(b"begun")
            for _ in range(3):
                for address in self.NEIGHBOURS * 30:
                    _, writer = await asyncio.open_connection("127.0.0.1", site.port, local_addr=(address, 0))
                    closing.callback(writer.close)
                    writer.write(half)
                await ask_elsewhere(site)
                assert site.guard.open_connections <= 40
                assert (await ask(partner)).status == 200
            assert not waiting.reader.at_eof()
            assert not following.reader.at_eof()
        assert site.guard.refusals[503] >= 3 * 60 - 40
