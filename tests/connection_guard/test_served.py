"""An application behind the guard under the server that the service uses, over real sockets, with small limits."""

from __future__ import annotations

import asyncio
import json
import logging
import tracemalloc
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest

from depot_sim.bootstrap.http import server_config
from depot_sim.connection_guard import (
    BodyMemory,
    ConnectionGuard,
    GuardedApplication,
    GuardedConnection,
    Limits,
    current_connection,
)
from tests.adapters.http.peers import Caller, Heard, asgi_server, calling

pytestmark = pytest.mark.anyio

LARGE = 100_000
LIMITS = Limits(
    head_bytes=2_000,
    head_seconds=0.2,
    body_seconds=0.2,
    response_seconds=0.4,
    idle_seconds=0.4,
    connections=6,
    connections_per_address=5,
)
PATIENT = Limits(head_bytes=2_000)


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param}


class _Kept:
    """Stands for a body, which a framework keeps in the state of its request."""


class Site:
    """A served application: what it is asked for by the path, and what it saw."""

    def __init__(self, limits: Limits) -> None:
        self.guard = ConnectionGuard(limits)
        self.memory = BodyMemory(limits.body_bytes_under_way)
        self.app = GuardedApplication(self._respond, limits, lambda _: self.memory)
        self.port = 0
        self.scopes: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.asked: asyncio.Queue[str] = asyncio.Queue()
        self.disconnects: asyncio.Queue[str] = asyncio.Queue()
        self.kept: list[weakref.ref[_Kept]] = []

    async def memory_taken(self) -> None:
        await until(lambda: self.memory.used > LARGE / 2)

    async def memory_free(self) -> None:
        await until(lambda: self.memory.used == 0)

    async def _respond(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        scope["state"]["kept"] = kept = _Kept()
        self.kept.append(weakref.ref(kept))
        self.asked.put_nowait(scope["path"])
        match scope["path"]:
            case "/early":
                await _send(send, 413)
            case "/stream" | "/events":
                await self._stream(scope, receive, send)
            case "/unanswered":
                _connection().close_with_input()
                await self._until_disconnect(scope, receive)
            case "/large" | "/huge":
                await _send(send, 200, bytes(LARGE if scope["path"] == "/large" else 200 * LARGE))
            case _:
                body = await self._read(scope, receive)
                if body is not None:
                    self.bodies.append(body)
                    await _send(send, 200, b"ok")

    async def _read(self, scope: Any, receive: Any) -> bytes | None:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.disconnects.put_nowait(scope["path"])
                return None
            body += message["body"]
            if not message["more_body"]:
                return bytes(body)

    async def _stream(self, scope: Any, receive: Any, send: Any) -> None:
        """Half a response, then the rest when the body has come; of events until the client is gone."""
        kind = b"text/event-stream" if scope["path"] == "/events" else b"text/plain"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        if scope["path"] == "/events":
            _connection().close_with_input()
            await self._until_disconnect(scope, receive)
        elif await self._read(scope, receive) is not None:
            await send({"type": "http.response.body", "body": b"ended"})

    async def _until_disconnect(self, scope: Any, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.disconnects.put_nowait(scope["path"])


def _connection() -> GuardedConnection:
    connection = current_connection()
    assert connection is not None
    return connection


async def _send(send: Any, status: int, body: bytes = b"") -> None:
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def closing() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def served(closing: AsyncExitStack, limits: Limits) -> Site:
    site = Site(limits)
    site.port = await closing.enter_async_context(asgi_server(server_config(site.app, site.guard)))
    closing.callback(site.guard.abort_all)
    return site


@pytest.fixture
async def site(closing: AsyncExitStack) -> Site:
    return await served(closing, PATIENT)


@pytest.fixture
async def impatient(closing: AsyncExitStack) -> Site:
    return await served(closing, LIMITS)


async def exchange(port: int, *pieces: bytes, ends: bool = False) -> bytes:
    """All that comes back for these bytes until the server closes."""
    async with calling(port) as caller:
        for piece in pieces:
            caller.writer.write(piece)
        if ends:
            caller.writer.write_eof()
        return await caller.reader.read()


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - the memory has no event
        await asyncio.sleep(0)


def problem(answer: bytes) -> Any:
    """The problem document of a whole response; that the connection was closed after it is known by its end."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    return json.loads(body)


def get(path: str = "/", *headers: str, version: str = "1.1", host: str = "Host: depot.example") -> bytes:
    return "\r\n".join((f"GET {path} HTTP/{version}", *([host] if host else []), *headers, "", "")).encode()


def post(path: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join((f"POST {path} HTTP/1.1", "Host: depot.example", *headers, "", "")).encode() + body


HALF_BODY = post("/", f"Content-Length: {2 * LARGE}", body=b"x" * LARGE)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


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
        assert "too slowly" in json.loads(heard.body)["detail"]


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
    async def test_more_than_the_limit_are_refused(self, closing: AsyncExitStack) -> None:
        limited = await served(closing, Limits(connections=6, connections_per_address=5))
        callers = [await closing.enter_async_context(calling(limited.port)) for _ in range(5)]
        for caller in callers:
            await ask(caller)
        assert problem(await exchange(limited.port, get()))["status"] == 503
        await callers[0].hang_up()
        await ask(callers[1])  # which the service reads after that end
        async with calling(limited.port) as another:
            assert (await ask(another)).status == 200


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


async def ask_elsewhere(site: Site) -> None:
    async with calling(site.port) as other:
        await ask(other)


async def ask(caller: Caller) -> Heard:
    caller.say("GET", "/")
    heard = await caller.hear()
    assert heard is not None
    return heard


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
