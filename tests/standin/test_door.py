"""Who may send requests to the stand-in: the rows of a foreign page, with and without a rebound name."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from depot_sim.standin.door import ON_LOOPBACK, Access
from depot_sim.standin.server import open_app, running
from depot_sim.standin.tokens import Gatekeeper
from tests.patience import patient

TOKEN = "stand-in-token-012345"
CONTROL = "/control/connections/c"
PROFILE = {"cp_base_url": "http://127.0.0.1:9/oscp/cp/2.0", "group_id": "group-1"}
PACKET = {"ts": 0, "values": {}}
Send = Callable[..., Awaitable[int]]


def played(
    test: Callable[[Send], Awaitable[None]], access: Access = ON_LOOPBACK, gatekeeper: Gatekeeper | None = None
) -> None:
    """Run a test with a function that sends a request and returns the status of its answer."""

    async def play() -> None:
        async with (
            open_app(gatekeeper or Gatekeeper(), access=access) as app,
            running(app, "127.0.0.1", 0) as url,
            aiohttp.ClientSession() as session,
        ):

            async def send(method: str, path: str, body: Any = None, **headers: str) -> int:
                named = {name.replace("_", "-"): value for name, value in headers.items()}
                async with session.request(method, url + path, json=body, headers=named) as answer:
                    await answer.read()
                    return answer.status

            await test(send)

    asyncio.run(play())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/control/tokens/revoke"),
        ("POST", f"{CONTROL}/handshake"),
        ("POST", "/packets"),
        ("POST", "/packets/device"),
        ("POST", "/oscp/fp/2.0/heartbeat"),
        ("POST", "/oauth/token"),
        ("PUT", CONTROL),
        ("DELETE", "/control/packets"),
    ],
)
def test_a_foreign_page_changes_nothing(method: str, path: str) -> None:
    async def test(send: Send) -> None:
        assert await send("PUT", CONTROL, PROFILE) == 200
        for origin in ("https://evil.example", "null", "http://localhost:1"):
            assert await send(method, path, {}, Origin=origin, Content_Type="text/plain") == 403
        for host in ("evil.example", "evil.example:8430"):
            assert await send(method, path, {}, Host=host, Origin=f"http://{host}") == 403
        assert await send("GET", CONTROL) == 200

    played(test)


@pytest.mark.parametrize("path", ["/", "/connections.html", "/control/connections", "/control/packets", "/nowhere"])
def test_a_page_whose_name_was_rebound_reads_nothing(path: str) -> None:
    async def test(send: Send) -> None:
        assert await send("GET", path, Host="evil.example") == 403

    played(test)


@pytest.mark.parametrize("path", ["/", CONTROL, "/oscp/fp/2.0/heartbeat", "/packets/a"])
def test_without_tokens_what_a_proxy_forwards_is_refused(path: str) -> None:
    async def test(send: Send) -> None:
        for name in ("X-Forwarded-For", "forwarded", "VIA", "X-Real-IP"):
            assert await send("POST", path, PACKET, **{name: "10.0.0.9"}) == 403

    played(test)


def test_opened_surfaces_take_what_a_proxy_forwards() -> None:
    async def test(send: Send) -> None:
        assert await send("POST", "/packets/a", PACKET, Via="1.1 proxy") == 202

    played(test, Access(opened=frozenset({"packets"})))


def test_on_loopback_everything_works_without_a_token() -> None:
    async def test(send: Send) -> None:
        assert await send("PUT", CONTROL, PROFILE) == 200
        assert await send("POST", "/packets/a", PACKET, Host="LOCALHOST.") == 202
        assert await send("GET", "/", Host="[::1]:8430") == 200

    played(test)


def test_beyond_loopback_only_opened_surfaces_are_open() -> None:
    async def test(send: Send) -> None:
        assert await send("POST", "/packets/a", PACKET, Host="standin:8430") == 202
        assert await send("POST", "/oscp/fp/2.0/heartbeat", {}, Host="standin:8430") == 403  # unknown configuration
        assert await send("PUT", CONTROL, PROFILE) == 401
        assert await send("GET", "/") == 401
        assert await send("POST", "/packets/a", PACKET, Origin="http://evil.example") == 403

    played(test, Access(host="0.0.0.0", opened=frozenset({"packets", "oscp"})))


def test_with_a_token_every_surface_asks_for_it() -> None:
    shown = {"Authorization": f"Bearer {TOKEN}", "Host": "standin:8430"}

    async def test(send: Send) -> None:
        for method, path, body in (("PUT", CONTROL, PROFILE), ("GET", "/", None), ("POST", "/packets/a", PACKET)):
            assert await send(method, path, body) == 401
            assert await send(method, path, body, Authorization="Bearer another") == 401
            assert await send(method, path, body, **shown) in (200, 202)

    played(test, Access(host="0.0.0.0", tokens=(TOKEN,)))


def test_the_authorization_of_messages_stands_for_the_token() -> None:
    async def test(send: Send) -> None:
        assert await send("POST", "/packets/a", PACKET) == 401
        assert await send("POST", "/packets/a", PACKET, Authorization="Token abc") == 202
        assert await send("PUT", CONTROL, PROFILE, Authorization="Token abc") == 401

    played(test, Access(host="0.0.0.0", tokens=(TOKEN,)), Gatekeeper(None, ["Token abc"]))


def test_the_page_runs_no_script_but_its_own_and_is_in_no_frame() -> None:
    async def play() -> None:
        async with open_app(Gatekeeper()) as app, running(app, "127.0.0.1", 0) as url, aiohttp.ClientSession() as http:
            async with http.get(url) as page:
                text, headers = await page.text(), page.headers
            policy = headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["X-Frame-Options"] == "DENY"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert "style=" not in text
            assert not re.search(r"\son\w+=|<style|<script(?! src=)", text)
            for name, type in (("page.css", "text/css"), ("page.js", "text/javascript")):
                assert name in text
                async with http.get(f"{url}/{name}") as file:
                    assert (file.status, file.content_type) == (200, type)
                    assert await file.text()

    asyncio.run(play())


@pytest.mark.parametrize(
    "access", [Access(host="0.0.0.0"), Access(host="::"), Access(host="192.168.1.7"), Access(host="")]
)
def test_beyond_loopback_it_refuses_to_listen_without_token_or_opening(access: Access) -> None:
    assert access.fault is not None
    assert "--token TOKEN" in access.fault.hint
    assert Access(host=access.host, tokens=(TOKEN,)).fault is None
    assert Access(host=access.host, opened=frozenset({"page"})).fault is None


def heads_sent(*heads: bytes) -> list[int]:
    """The statuses of the answers to these heads, each on a connection of its own."""

    async def play() -> list[int]:
        async with open_app(Gatekeeper()) as app, running(app, "127.0.0.1", 0) as url:
            return [await status_of(head, int(url.rpartition(":")[2])) for head in heads]

    return asyncio.run(play())


async def status_of(head: bytes, port: int) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head + b"\r\nContent-Length: 0\r\n\r\n")
    line = await asyncio.wait_for(reader.readline(), patient(20))
    writer.close()
    return int(line.split()[1])


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/control/tokens/revoke", 200),
        (b"http://localhost/control/tokens/revoke", 200),
        (b"http://127.0.0.1:8430/control/tokens/revoke", 200),
        (b"http://evil/control/tokens/revoke", 403),
        (b"http://evil:80/control/tokens/revoke?localhost", 403),
        (b"http://localhost@evil/control/tokens/revoke", 403),
        (b"http://evil@localhost/control/tokens/revoke", 403),
        (b"HTTP://EVIL/control/tokens/revoke", 403),
    ],
)
def test_the_host_in_the_target_counts(target: bytes, status: int) -> None:
    assert heads_sent(b"POST " + target + b" HTTP/1.1\r\nHost: localhost") == [status]


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nA b: c",
        b"GET /\xff HTTP/1.1\r\nHost: localhost",
    ],
)
def test_a_request_that_breaks_http_is_one_line_of_the_log(head: bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert heads_sent(head) == [400]
    (record,) = [one for one in caplog.records if one.name in ("standin.http", "aiohttp.server")]
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert "\n" not in record.getMessage()


def test_an_endless_head_is_refused() -> None:
    async def play() -> bytes:
        async with open_app(Gatekeeper()) as app, running(app, "127.0.0.1", 0) as url:
            return await asyncio.to_thread(flood, int(url.rpartition(":")[2]))

    # 431 of the guard or 400 of aiohttp, which counts headers: the first that sees its limit. A reset may outrun both.
    assert asyncio.run(play())[9:13] in (b"431 ", b"400 ", b"")


def flood(port: int) -> bytes:
    """Send header after header; the response, or nothing when the connection was reset. TimeoutError if neither."""
    with socket.create_connection(("127.0.0.1", port), timeout=patient(20)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        with suppress(ConnectionError):
            for number in range(20_000):  # 2 MB
                connection.sendall(b"X-%05d: %b\r\n" % (number, b"x" * 100))
        with suppress(ConnectionError):
            return connection.recv(1_000)
    return b""
