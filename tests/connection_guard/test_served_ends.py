"""When requests and connections of a served application end."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from depot_sim.connection_guard import Limits
from tests.adapters.http.peers import calling
from tests.connection_guard.served import Site, errors, exchange, get, post, problem, served

pytestmark = pytest.mark.anyio


class TestEndOfInput:
    async def test_a_client_that_closes_its_side_gets_its_responses(self, site: Site) -> None:
        answer = await exchange(site.port, get() + get("/large") + get(), ends=True)
        assert answer.count(b"HTTP/1.1 200") == 3

    async def test_also_one_that_is_still_being_made(self, site: Site) -> None:
        answer = await exchange(site.port, post("/stream", "Content-Length: 2", body=b"{}"), ends=True)
        assert answer.count(b"begun") == answer.count(b"ended") == 1

    @pytest.mark.parametrize("path", ["/events", "/unanswered"])
    async def test_responses_without_an_end_are_ended(self, site: Site, path: str) -> None:
        async with calling(site.port) as caller:
            caller.writer.write(get(path))
            caller.writer.write_eof()
            assert await site.disconnects.get() == path

    async def test_half_a_body_is_a_disconnect(self, site: Site, caplog: pytest.LogCaptureFixture) -> None:
        assert await exchange(site.port, post("/", "Content-Length: 5", body=b"ab"), ends=True) == b""
        assert await site.disconnects.get() == "/"
        assert errors(caplog) == []


class TestTime:
    async def test_a_head_that_does_not_end_is_refused(self, impatient: Site) -> None:
        assert problem(await exchange(impatient.port, get()[:-2]))["status"] == 408
        assert impatient.scopes == []

    async def test_a_body_that_does_not_come_is_refused(self, impatient: Site) -> None:
        answer = problem(await exchange(impatient.port, post("/", "Content-Length: 5", body=b"ab")))
        assert (answer["status"], "0.2 s" in answer["detail"]) == (408, True)
        assert impatient.disconnects.get_nowait() == "/"

    async def test_a_response_that_has_begun_is_cut_off(
        self, impatient: Site, caplog: pytest.LogCaptureFixture
    ) -> None:
        answer = await exchange(impatient.port, post("/stream", "Content-Length: 5"))
        assert answer.endswith(b"begun\r\n")
        assert errors(caplog) == []

    async def test_a_body_left_unread_must_come_as_well(self, impatient: Site) -> None:
        answer = await exchange(impatient.port, post("/early", "Content-Length: 5", body=b"ab"))
        assert answer.count(b"HTTP/1.1 413") == answer.count(b"HTTP/1.1") == 1

    async def test_a_long_rest_of_a_body_closes_the_connection_after_the_response(self, site: Site) -> None:
        """The response says so, and comes while the client still sends."""
        answer = await exchange(site.port, post("/early", f"Content-Length: {2**21}"), bytes(2**21))
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"connection: close" in answer

    async def test_a_short_rest_of_a_body_leaves_the_connection_open(self, site: Site) -> None:
        answer = await exchange(site.port, post("/early", "Content-Length: 2000"), bytes(2_000) + get(), ends=True)
        assert answer.count(b"HTTP/1.1") == 2

    @pytest.mark.parametrize("count", [200, 1], ids=["being written", "the last"])
    async def test_responses_that_are_not_read_end_the_connection(self, impatient: Site, count: int) -> None:
        path = "/large" if count > 1 else "/huge"
        async with calling(impatient.port) as caller:
            caller.writer.write(get(path) * count)
            assert await impatient.asked.get() == path
            while impatient.guard.open_connections:
                await exchange(impatient.port)  # which ends by its idle time

    @pytest.mark.parametrize("sent", [b"", get()], ids=["from the beginning", "after a response"])
    async def test_an_idle_connection_is_closed(self, impatient: Site, sent: bytes) -> None:
        assert (await exchange(impatient.port, sent)).endswith(b"ok" if sent else b"")

    @pytest.mark.parametrize("path", ["/events", "/unanswered"])
    async def test_what_waits_on_purpose_is_not_idle(self, impatient: Site, path: str) -> None:
        """A connection that is idle from then on ends before."""
        async with calling(impatient.port) as caller:
            caller.say("GET", path)
            assert await exchange(impatient.port) == b""
            assert await exchange(impatient.port) == b""
            assert not caller.reader.at_eof()

    async def test_a_body_that_comes_too_slowly_is_refused(self, closing: AsyncExitStack) -> None:
        """Else one byte at a time would keep the memory of the rest."""
        slow = await served(closing, Limits(body_seconds=0.2, body_bytes_per_second=1_000))
        async with calling(slow.port) as caller:
            answer = asyncio.create_task(caller.hear())
            caller.writer.write(post("/", "Content-Length: 5000", body=b"ab"))
            while not answer.done():
                caller.writer.write(b"x")
                await asyncio.sleep(0.05)  # a byte within each `body_seconds`
            heard = await answer
        assert heard is not None
        assert (heard.status, heard.headers["connection"]) == (408, "close")


async def test_a_fault_in_a_body_after_the_response_began_ends_the_connection(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    async with calling(site.port) as caller:
        caller.writer.write(post("/stream", "Transfer-Encoding: chunked"))
        await caller.reader.readuntil(b"begun")
        caller.writer.write(b"no size\r\n")
        assert await site.disconnects.get() == "/stream"
    assert errors(caplog) == []


async def test_stopping_ends_requests_whose_body_has_not_come(site: Site) -> None:
    async with calling(site.port) as caller:
        caller.writer.write(post("/", "Content-Length: 5"))
        await site.asked.get()
        site.app.stop()
        heard = await caller.hear()
        assert heard is not None
        assert (heard.status, heard.headers["connection"]) == (503, "close")
