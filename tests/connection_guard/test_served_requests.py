"""What a served application sees of requests, and which of them are refused."""

from __future__ import annotations

import asyncio
import tracemalloc
from contextlib import suppress

import pytest

from tests.adapters.http.peers import calling
from tests.connection_guard.served import LARGE, Site, ask, ask_elsewhere, exchange, get, post, problem

pytestmark = pytest.mark.anyio


class TestHeads:
    async def test_a_head_beyond_the_limit_is_refused(self, site: Site) -> None:
        assert problem(await exchange(site.port, get("/", "X: " + "x" * 2_000)))["status"] == 431
        assert site.scopes == []

    async def test_a_client_that_is_still_sending_gets_the_refusal(self, site: Site) -> None:
        """And others are answered meanwhile."""
        async with calling(site.port) as endless, calling(site.port) as other:
            answered = asyncio.create_task(endless.hear())
            endless.writer.write(b"GET / HTTP/1.1\r\nX: ")
            for _ in range(300):
                with suppress(ConnectionError):
                    endless.writer.write(b"x" * 2**16)
                    await endless.writer.drain()
            other.say("GET", "/")
            heard, refused = await other.hear(), await answered
        assert (heard and heard.status, refused and refused.status) == (200, 431)

    @pytest.mark.parametrize(
        ("request_", "status"),
        [
            pytest.param(get(host=""), 400, id="no Host"),
            pytest.param(get("/", "Host: other.example"), 400, id="two Hosts"),
            pytest.param(post("/", "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), 501, id="gzip, chunked"),
            pytest.param(
                post("/", "Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 400, id="CL and TE"
            ),
            pytest.param(get("/", "X: a", " b"), 400, id="folded"),
            pytest.param(get("/", "X : a"), 400, id="blank before the colon"),
            pytest.param(get().replace(b"\r\n", b"\n"), 400, id="LF only"),
            pytest.param(b"hello\r\n\r\n", 400, id="no HTTP"),
            pytest.param(b"X" * 21 + get()[3:], 501, id="long method"),
            pytest.param(b"X" * 1_900 + get()[3:], 501, id="longer method"),
            pytest.param(get(version="2.0"), 505, id="HTTP/2.0"),
            pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, id="preface of HTTP/2"),
            pytest.param(b"\r\n\r\n" + get(), 400, id="two empty lines"),
        ],
    )
    async def test_a_request_against_the_rules_is_refused_and_the_connection_closed(
        self, site: Site, request_: bytes, status: int
    ) -> None:
        answer = await exchange(site.port, request_ + get())
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert answer.count(b"HTTP/1.1") == 1
        assert site.scopes == []

    async def test_http_1_0_needs_no_host(self, site: Site) -> None:
        assert (await exchange(site.port, get(version="1.0", host=""))).endswith(b"ok")

    async def test_later_minor_versions_are_answered_as_http_1_1(self, site: Site) -> None:
        assert (await exchange(site.port, get("/", "Connection: close", version="1.2"))).startswith(b"HTTP/1.1 200")

    @pytest.mark.parametrize("cut", [1, 2, 3])
    async def test_an_empty_line_before_a_request_is_ignored(self, site: Site, cut: int) -> None:
        """Some clients send one after a body."""
        request_ = b"\r\n" + post("/", "Content-Length: 2", body=b"{}")
        async with calling(site.port) as caller:
            for _ in range(2):
                caller.writer.write(request_[:cut])
                await ask_elsewhere(site)  # so that the service has read the first part
                caller.writer.write(request_[cut:])
                heard = await caller.hear()
                assert heard is not None
                assert heard.status == 200
        assert [body for body in site.bodies if body] == [b"{}"] * 2

    async def test_blanks_around_header_values_are_no_part_of_them(self, site: Site) -> None:
        await exchange(site.port, get("/", "X-Id:  \t r1 \t ", "Connection: close"))
        assert dict(site.scopes[0]["headers"])[b"x-id"] == b"r1"

    async def test_a_target_in_absolute_form_names_path_and_host(self, site: Site) -> None:
        await exchange(site.port, get("http://other.example:8/a%20b?c=d", "Connection: close"))
        (scope,) = site.scopes
        assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a b", b"/a%20b", b"c=d")
        assert dict(scope["headers"])[b"host"] == b"other.example:8"


async def test_the_connection_is_an_extension_of_the_scope(site: Site) -> None:
    """By which an application ends a connection whose client does not read."""
    async with calling(site.port) as caller:
        caller.say("GET", "/unanswered")
        await site.asked.get()
        site.scopes[0]["extensions"]["depot_sim.connection"].abort()
        assert await caller.hear() is None


class TestPipelines:
    async def test_junk_after_a_request_does_not_cost_it_its_response(self, site: Site) -> None:
        answer = await exchange(site.port, get() + b"\x00\x01 junk\r\n\r\n")
        assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400"]

    async def test_a_refusal_comes_after_the_responses_to_earlier_requests(self, site: Site) -> None:
        answer = await exchange(site.port, get() + get() + get("/", "X: " + "x" * 2_000))
        assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"431"]

    async def test_responses_that_are_not_read_hold_bounded_memory(self, site: Site) -> None:
        """What is not written is not made: the next request waits for the client to read."""
        count = 3_000
        async with calling(site.port) as other:
            await ask(other)
            tracemalloc.start()
            try:
                async with calling(site.port) as caller:
                    caller.writer.write(get("/large") * count)
                    while not any(scope["path"] == "/large" for scope in site.scopes):
                        await ask(other)
                    for _ in range(50):
                        await ask(other)
                    _, peak = tracemalloc.get_traced_memory()
                    made = sum(scope["path"] == "/large" for scope in site.scopes)
                    assert made < count / 10
                    assert peak < 20 * LARGE
            finally:
                tracemalloc.stop()

    async def test_they_come_when_the_client_reads(self, site: Site) -> None:
        async with calling(site.port) as caller:
            caller.writer.write(get("/large") * 100)
            heard = [await caller.hear() for _ in range(100)]
        assert [each and len(each.body) for each in heard] == [LARGE] * 100


class TestExpectingToGoOn:
    @pytest.mark.parametrize("header", ["Expect: 100-continue", "EXPECT: 100-Continue"])
    async def test_a_client_that_is_answered_before_its_body_is_not_waited_for(self, site: Site, header: str) -> None:
        """It may send the body or not: so nobody knows where its next request begins (RFC 9110 10.1.1)."""
        answer = await exchange(site.port, post("/early", header, "Content-Length: 5"))
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"connection: close" in answer


class TestUpgrades:
    async def test_an_offer_is_declined_and_the_body_read(self, site: Site) -> None:
        offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
        async with calling(site.port) as caller:
            for number in range(3):
                caller.writer.write(post("/", *offer, "Content-Length: 2", body=b"%02d" % number))
                heard = await caller.hear()
                assert heard is not None
                assert (heard.status, heard.body) == (200, b"ok")
        assert site.bodies == [b"00", b"01", b"02"]


async def test_parts_of_many_requests_at_once_are_read_in_their_order(site: Site) -> None:
    pieces = [b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 26\r\n\r\nabcdefghij", b"klmnopqrst", b"uvwxyz"]
    opened = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(100)]
    for piece in pieces:
        for _, writer in opened:
            writer.write(piece)
        await asyncio.sleep(0)
    for _, writer in opened:
        writer.write_eof()
    answers = await asyncio.gather(*[reader.read() for reader, _ in opened])
    assert {answer.partition(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 200 OK"}
    assert site.bodies == [b"abcdefghijklmnopqrstuvwxyz"] * len(opened)
    for _, writer in opened:
        writer.close()
