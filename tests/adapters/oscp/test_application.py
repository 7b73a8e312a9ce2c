"""The protocol API under the server that the service uses, beside another application."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tracemalloc
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest

from depot_sim.adapters.metrics import MeteredApp
from depot_sim.adapters.oscp import PREFIX, OscpApplication, ProtocolApi
from depot_sim.adapters.oscp.request_body import MOST_COUNTED_BYTES
from depot_sim.application.oscp.inbound.arrivals import MOST_BODY_BYTES, NO_REPLY, Arrival, Reply
from depot_sim.bootstrap.http import Dispatcher, server_config
from depot_sim.connection_guard import ConnectionGuard, GuardedApplication, Limits, current_connection
from tests.adapters.http.peers import Caller, asgi_server, calling

pytestmark = pytest.mark.anyio

ACCEPTED = Reply(204)
JSON = "Content-Type: application/json"
LONG = "x" * 1_000


class Service:
    """Remembers what arrives, and replies as it is told."""

    def __init__(self, reply: Reply = ACCEPTED) -> None:
        self.reply = reply
        self.arrivals: asyncio.Queue[Arrival] = asyncio.Queue()

    async def receive(self, arrival: Arrival) -> Reply:
        self.arrivals.put_nowait(arrival)
        return self.reply


class Counts:
    """What was counted, and how many requests are open."""

    def __init__(self) -> None:
        self.open = 0
        self.answers: list[tuple[str, str, int]] = []

    def request_began(self) -> None:
        self.open += 1

    def request_ended(self) -> None:
        self.open -= 1

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        assert 0 <= seconds < 60
        self.answers.append((method, route, status))


class Site:
    """A served protocol API."""

    def __init__(self, service: Service, api: ProtocolApi, counts: Counts, port: int, closing: AsyncExitStack) -> None:
        self.service, self.api, self.counts, self.port = service, api, counts, port
        self._closing = closing

    async def caller(self) -> Caller:
        return await self._closing.enter_async_context(calling(self.port))


@pytest.fixture
async def site(closing: AsyncExitStack) -> Site:
    service, counts = Service(), Counts()
    api = ProtocolApi(service.receive)
    surfaces = Dispatcher({PREFIX: OscpApplication(api, current_connection)}, _elsewhere)
    app = MeteredApp(GuardedApplication(surfaces, Limits()), counts)
    port = await closing.enter_async_context(asgi_server(server_config(app, ConnectionGuard(Limits()))))
    closing.callback(api.close)
    return Site(service, api, counts, port, closing)


async def _elsewhere(scope: Any, receive: Any, send: Any) -> None:
    """The application that has all other paths."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
    await send({"type": "http.response.body", "body": b"elsewhere"})


async def test_a_message_is_handed_over_whole(site: Site) -> None:
    """Method, path below the prefix, headers in lower case with their values as they came, body."""
    caller = await site.caller()
    caller.say(
        "POST", f"{PREFIX}/heartbeat", JSON, "X-Request-ID: r\xe9-1", "X-Twice: a", "x-twice: B", body=b'{"a":1}'
    )
    heard = await caller.hear()
    assert heard is not None
    assert (heard.status, heard.body) == (204, b"")
    assert "content-length" not in heard.headers
    arrival = site.service.arrivals.get_nowait()
    assert (arrival.method, arrival.path, arrival.body, arrival.body_bytes) == ("POST", "heartbeat", b'{"a":1}', 7)
    assert arrival.header("x-request-id") == "r\xe9-1"
    assert arrival.all("x-twice") == ["a", "B"]


async def test_a_reply_is_answered_as_it_is(site: Site) -> None:
    headers = (("content-type", "application/json"), ("Retry-After", "5"))
    site.service.reply = Reply(503, headers, b'{"message":"later"}')
    caller = await site.caller()
    caller.say("POST", f"{PREFIX}/heartbeat", JSON, body=b"{}")
    heard = await caller.hear()
    assert heard is not None
    assert (heard.status, heard.body) == (503, b'{"message":"later"}')
    assert (heard.headers["content-type"], heard.headers["retry-after"]) == ("application/json", "5")


async def test_one_connection_carries_many_messages_in_their_order(site: Site) -> None:
    """Also when they are sent before the answers to those before them."""
    caller = await site.caller()
    for number in range(20):
        caller.say("POST", f"{PREFIX}/heartbeat", f"X-Request-ID: {number}", body=b"{}")
    assert [(await caller.hear() or pytest.fail("no answer")).status for _ in range(20)] == [204] * 20
    ids = [site.service.arrivals.get_nowait().header("x-request-id") for _ in range(20)]
    assert ids == [str(number) for number in range(20)]


@pytest.mark.parametrize("path", ["", "/", "/nowhere", "/handshake/", "/handshake/more"])
async def test_unknown_paths_are_handed_over_too(site: Site, path: str) -> None:
    site.service.reply = Reply(404)
    caller = await site.caller()
    caller.say("POST", f"{PREFIX}{path}", body=b"{}")
    heard = await caller.hear()
    assert heard is not None
    assert heard.status == 404
    assert site.service.arrivals.get_nowait().path == path.removeprefix("/")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "handshake", "POST"),
        ("PUT", "heartbeat", "POST"),
        ("OPTIONS", "nowhere", "POST"),
        ("PATCH", "register", "POST, PUT, DELETE"),
        ("POST", "openapi.json", "GET, HEAD"),
    ],
)
async def test_another_method_is_told_which_are_taken(site: Site, method: str, path: str, allowed: str) -> None:
    caller = await site.caller()
    caller.say(method, f"{PREFIX}/{path}")
    heard = await caller.hear()
    assert heard is not None
    assert (heard.status, heard.headers["allow"]) == (405, allowed)
    assert site.service.arrivals.empty()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_registration_is_made_changed_and_ended(site: Site, method: str) -> None:
    caller = await site.caller()
    caller.say(method, f"{PREFIX}/register")
    heard = await caller.hear()
    assert heard is not None
    assert heard.status == 204
    arrival = site.service.arrivals.get_nowait()
    assert (arrival.method, arrival.path) == (method, "register")


async def test_the_description_is_served(site: Site) -> None:
    caller = await site.caller()
    caller.say("GET", f"{PREFIX}/openapi.json")
    heard = await caller.hear()
    assert heard is not None
    assert f"{PREFIX}/handshake" in msgspec.json.decode(heard.body)["paths"]


@pytest.mark.parametrize("excess", [-1, 0, 1, MOST_BODY_BYTES])
async def test_of_a_long_body_the_beginning_is_handed_over(site: Site, excess: int) -> None:
    body = bytes(range(256)) * ((MOST_BODY_BYTES + excess) // 256 + 1)
    body = body[: MOST_BODY_BYTES + excess]
    caller = await site.caller()
    caller.say("POST", f"{PREFIX}/heartbeat", body=body)
    assert await caller.hear() is not None
    arrival = site.service.arrivals.get_nowait()
    assert arrival.body == body[:MOST_BODY_BYTES]
    assert arrival.body_bytes == len(body)


async def test_a_body_in_chunks_is_put_together(site: Site) -> None:
    caller = await site.caller()
    caller.say("POST", f"{PREFIX}/heartbeat", "Transfer-Encoding: chunked", body=b"3\r\n{}\n\r\n1\r\n \r\n0\r\n\r\n")
    assert await caller.hear() is not None
    arrival = site.service.arrivals.get_nowait()
    assert (arrival.body, arrival.body_bytes) == (b"{}\n ", 4)


async def test_memory_stays_small_under_a_body_of_many_megabytes(site: Site) -> None:
    """And the connection is good for the next message."""
    length = 12 * 2**20
    caller = await site.caller()
    caller.writer.transport.set_write_buffer_limits(high=2**16)
    caller.say("POST", f"{PREFIX}/heartbeat", f"Content-Length: {length}")
    tracemalloc.start()
    try:
        for _ in range(length // 2**16):
            caller.writer.write(bytes(2**16))
            await caller.writer.drain()
        heard = await caller.hear()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert heard is not None
    assert site.service.arrivals.get_nowait().body_bytes == length
    assert peak < 5 * 2**20
    caller.say("POST", f"{PREFIX}/heartbeat", body=b"{}")
    assert await caller.hear() is not None


async def test_a_body_without_end_is_not_waited_for(site: Site) -> None:
    """It is answered after so much of it, and the connection is closed."""
    caller = await site.caller()
    caller.say("POST", f"{PREFIX}/heartbeat", f"Content-Length: {10 * MOST_COUNTED_BYTES}")
    answered = asyncio.create_task(caller.hear())
    piece = bytes(2**20)
    with contextlib.suppress(ConnectionError):  # it is closed while we are still writing
        while not answered.done():
            caller.writer.write(piece)
            await caller.writer.drain()
    await answered
    arrival = site.service.arrivals.get_nowait()
    assert MOST_COUNTED_BYTES < arrival.body_bytes < MOST_COUNTED_BYTES + 2**22


async def test_half_a_body_is_no_message(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        async with calling(site.port) as caller:
            caller.say("POST", f"{PREFIX}/{LONG}", "Content-Length: 100", body=b"{")
        async with calling(site.port) as other:
            other.say("POST", f"{PREFIX}/handshake", body=b"{}")
            assert await other.hear() is not None
    assert site.service.arrivals.get_nowait().path == "handshake"
    assert site.service.arrivals.empty()
    assert [record.levelname for record in caplog.records if record.levelno > logging.INFO] == []
    assert LONG not in str([vars(record) for record in caplog.records])


class TestWithoutAnAnswer:
    """A reply with status 0."""

    async def test_the_sender_waits_until_it_gives_up(self, site: Site, caplog: pytest.LogCaptureFixture) -> None:
        site.service.reply = NO_REPLY
        async with calling(site.port) as caller:
            caller.say("POST", f"{PREFIX}/heartbeat", body=b"{}")
            await site.service.arrivals.get()
            site.service.reply = Reply(204)
            async with calling(site.port) as other:
                other.say("POST", f"{PREFIX}/heartbeat", body=b"{}")
                assert await other.hear() is not None
            assert not caller.reader.at_eof()
        await _until_idle()
        assert _errors(caplog) == []

    async def test_closing_hangs_up_on_those_who_wait(self, site: Site, caplog: pytest.LogCaptureFixture) -> None:
        site.service.reply = NO_REPLY
        callers = [await site.caller() for _ in range(5)]
        for caller in callers:
            caller.say("POST", f"{PREFIX}/heartbeat", body=b"{}")
            await site.service.arrivals.get()
        site.api.close()
        assert [await caller.hear() for caller in callers] == [None] * 5
        await _until_idle()
        assert _errors(caplog) == []

    async def test_once_closed_nobody_waits(self, site: Site, caplog: pytest.LogCaptureFixture) -> None:
        site.api.close()
        site.service.reply = NO_REPLY
        caller = await site.caller()
        caller.say("POST", f"{PREFIX}/heartbeat", body=b"{}")
        assert await caller.hear() is None
        await _until_idle()
        assert _errors(caplog) == []


class TestBesideAnotherApplication:
    @pytest.mark.parametrize(
        "path",
        [
            f"{PREFIX}/heartbeat?page=1",
            "/oscp%2Fcp/2.0/heart%62eat",
            f"http://depot.example{PREFIX}/heartbeat",
        ],
    )
    async def test_a_path_may_be_written_in_several_ways(self, site: Site, path: str) -> None:
        caller = await site.caller()
        caller.say("POST", path, body=b"{}")
        assert await caller.hear() is not None
        assert site.service.arrivals.get_nowait().path == "heartbeat"

    @pytest.mark.parametrize("path", ["/", "/oscp/cp", "/oscp/cp/2.01", f"/runs{PREFIX}/heartbeat"])
    async def test_other_paths_are_the_applications(self, site: Site, path: str) -> None:
        caller = await site.caller()
        caller.say("POST", path, body=b"{}")
        assert (await caller.hear() or pytest.fail("no answer")).body == b"elsewhere"
        assert site.service.arrivals.empty()

    async def test_one_connection_serves_both_in_order(self, site: Site) -> None:
        """Also what is answered at once, however many of it are waiting."""
        caller = await site.caller()
        for _ in range(500):
            caller.say("POST", f"{PREFIX}/heartbeat", body=b"{}")
            caller.say("POST", "/runs", body=b"{}")
            caller.say("GET", f"{PREFIX}/heartbeat")
        heard = [(await caller.hear() or pytest.fail("no answer")).status for _ in range(1500)]
        assert heard == [204, 200, 405] * 500


class TestManners:
    async def test_who_asks_first_is_told_to_go_on(self, site: Site) -> None:
        caller = await site.caller()
        caller.say("POST", f"{PREFIX}/heartbeat", "Expect: 100-continue", "Content-Length: 2")
        assert await caller.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        caller.writer.write(b"{}")
        assert (await caller.hear() or pytest.fail("no answer")).status == 204

    async def test_who_asks_first_in_vain_is_refused_at_once(self, site: Site) -> None:
        caller = await site.caller()
        caller.say("PUT", f"{PREFIX}/heartbeat", "Expect: 100-continue", "Content-Length: 2")
        assert (await caller.hear() or pytest.fail("no answer")).status == 405

    async def test_a_head_request_gets_the_head_alone(self, site: Site) -> None:
        caller = await site.caller()
        caller.say("HEAD", f"{PREFIX}/openapi.json")
        head = await caller.reader.readuntil(b"\r\n\r\n")
        assert b"content-length: 0\r\n" not in head
        caller.say("POST", f"{PREFIX}/heartbeat", body=b"{}")
        assert (await caller.hear() or pytest.fail("no answer")).status == 204

    async def test_answers_are_dated(self, site: Site) -> None:
        caller = await site.caller()
        caller.say("POST", f"{PREFIX}/heartbeat", body=b"{}")
        assert (await caller.hear() or pytest.fail("no answer")).headers["date"].endswith("GMT")

    @pytest.mark.parametrize("head", ["HTTP/1.0\r\n", "HTTP/1.1\r\nConnection: close\r\nHost: depot.example\r\n"])
    async def test_who_wants_one_answer_gets_no_more(self, site: Site, head: str) -> None:
        caller = await site.caller()
        caller.writer.write(f"POST {PREFIX}/heartbeat {head}Content-Length: 2\r\n\r\n{{}}".encode())
        heard = await caller.hear()
        assert heard is not None
        assert (heard.status, heard.headers["connection"]) == (204, "close")
        assert await caller.reader.read() == b""

    async def test_a_failing_service_is_answered_500(self, site: Site, caplog: pytest.LogCaptureFixture) -> None:
        async def fail(_: Arrival) -> Reply:
            raise RuntimeError("broken")

        site.api.receive = fail
        caller = await site.caller()
        caller.say("POST", f"{PREFIX}/heartbeat", body=b"{}")
        heard = await caller.hear()
        assert heard is not None
        assert (heard.status, heard.headers["connection"]) == (500, "close")
        assert _errors(caplog) == ["a request failed"]


class TestCounting:
    async def test_what_is_counted_is_bounded_by_the_known_paths(self, site: Site) -> None:
        caller = await site.caller()
        for method, path in (("POST", "handshake"), ("POST", "3f2a9c"), ("GET", "register")):
            caller.say(method, f"{PREFIX}/{path}")
            assert await caller.hear() is not None
        assert site.counts.answers == [
            ("POST", f"{PREFIX}/handshake", 204),
            ("POST", f"{PREFIX}/*", 204),
            ("GET", f"{PREFIX}/register", 405),
        ]
        assert site.counts.open == 0

    async def test_a_request_is_open_until_its_sender_gives_up(self, site: Site) -> None:
        site.service.reply = NO_REPLY
        async with calling(site.port) as caller:
            caller.say("POST", f"{PREFIX}/heartbeat", body=b"{}")
            await site.service.arrivals.get()
            assert site.counts.open == 1
        async with calling(site.port) as other:  # whose request comes after that end
            other.say("GET", f"{PREFIX}/heartbeat")
            assert await other.hear() is not None
        assert site.counts.open == 0


def _errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def _until_idle() -> None:
    """Until no request is being answered by the server."""
    while requests := [task for task in asyncio.all_tasks() if "run_asgi" in repr(task.get_coro())]:
        await asyncio.wait(requests)
