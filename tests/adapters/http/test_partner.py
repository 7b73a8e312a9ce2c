"""Requests to partners: what is sent, what comes back, and every way in which nothing does."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from aiohttp import web

from depot_sim.adapters.http import AiohttpPartner, Secrets
from depot_sim.adapters.http.exchange import MOST_ANSWER_BYTES
from depot_sim.domain.kernel.credentials import Authorization, Credentials
from tests.adapters.http.peers import (
    Handler,
    Manners,
    deaf_address,
    http_peer,
    outgoing,
    raw_peer,
    server_tls,
)
from tests.patience import patient

pytestmark = pytest.mark.anyio

AUTHORITY, CLIENT, CLIENT_KEY = "authority.pem", "client.pem", "client.key"


async def test_exactly_what_is_asked_is_sent(partner: AiohttpPartner, closing: AsyncExitStack) -> None:
    """Nothing is added but our name, the host and the length."""
    head = await _head_sent(partner, closing, headers=(("X-Request-ID", "r-1"), ("X-Twice", "a"), ("X-Twice", "b")))
    assert head[0] == "POST /fp/2.0/heartbeat?x=1 HTTP/1.1"
    assert sorted(line for line in head[1:] if not line.startswith("Host: ")) == [
        "Content-Length: 2",
        "User-Agent: depot-sim",
        "X-Request-ID: r-1",
        "X-Twice: a",
        "X-Twice: b",
    ]


async def test_a_request_may_go_by_another_name(partner: AiohttpPartner, closing: AsyncExitStack) -> None:
    head = await _head_sent(partner, closing, headers=(("user-agent", "me"),))
    assert [line for line in head if line.lower().startswith("user-agent")] == ["user-agent: me"]


async def test_the_answer_is_told_whole(partner: AiohttpPartner, closing: AsyncExitStack) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.json_response({"message": "no"}, status=403, headers={"X-Error-Message": "no", "Set-Cookie": "a=b"})

    posted = await partner.post(outgoing(await _peer(closing, refuse)))
    assert (posted.status, posted.body, posted.error) == (403, '{"message": "no"}', "")
    assert dict(posted.answer_headers)["X-Error-Message"] == "no"
    assert dict(posted.answer_headers)["Set-Cookie"] == "***"
    assert posted.headers == (*outgoing("").headers, ("User-Agent", "depot-sim"))
    assert 0 < posted.latency_us < 5_000_000


async def test_redirects_are_answers(partner: AiohttpPartner, closing: AsyncExitStack) -> None:
    seen: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    posted = await partner.post(outgoing(await _peer(closing, redirect)))
    assert (posted.status, seen) == (307, ["/"])


async def test_cookies_are_not_taken(partner: AiohttpPartner, closing: AsyncExitStack) -> None:
    shown: list[str | None] = []

    async def offer(request: web.Request) -> web.Response:
        shown.append(request.headers.get("Cookie"))
        return web.Response(status=204, headers={"Set-Cookie": "session=1"})

    url = await _peer(closing, offer)
    assert [(await partner.post(outgoing(url))).status for _ in range(2)] == [204, 204]
    assert shown == [None, None]


async def test_connections_are_used_again(partner: AiohttpPartner, closing: AsyncExitStack) -> None:
    ports: set[object] = set()

    async def note(request: web.Request) -> web.Response:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername"))
        return web.Response(status=204)

    url = await _peer(closing, note)
    for _ in range(5):
        await partner.post(outgoing(url))
    assert len(ports) == 1


async def test_others_do_not_wait_for_one_without_an_answer(partner: AiohttpPartner, closing: AsyncExitStack) -> None:
    """However many there are."""
    waiting, enough = 0, asyncio.Event()

    async def stall(request: web.Request) -> web.Response:
        nonlocal waiting
        waiting += 1
        if waiting == 120:
            enough.set()
        await enough.wait()
        return web.Response(status=204)

    url = await _peer(closing, stall)
    posted = await asyncio.gather(*(partner.post(outgoing(url)) for _ in range(120)))
    assert {answer.status for answer in posted} == {204}


async def test_of_a_long_answer_only_the_beginning_is_read(partner: AiohttpPartner, closing: AsyncExitStack) -> None:
    """One without end is cut off."""

    async def babble(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 10_000)

    posted = await partner.post(outgoing(await _peer(closing, babble)))
    assert (posted.status, len(posted.body), posted.error) == (200, MOST_ANSWER_BYTES, "")


async def test_a_compressed_answer_is_not_unpacked(partner: AiohttpPartner, closing: AsyncExitStack) -> None:
    async def squeeze(request: web.Request) -> web.Response:
        response = web.Response(body=b"0" * 10_000_000)
        response.enable_compression(web.ContentCoding.gzip)
        return response

    posted = await partner.post(outgoing(await _peer(closing, squeeze)))
    assert posted.status == 200
    assert len(posted.body) < 100_000
    assert "\\x8b" in posted.body


async def test_an_answer_cut_off_in_its_body_is_an_answer(partner: AiohttpPartner, closing: AsyncExitStack) -> None:
    manners = _answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nbecause")
    posted = await partner.post(outgoing(await _raw(closing, manners)))
    assert (posted.status, posted.body) == (403, "because")
    assert posted.error == "the answer's body is incomplete: the answer broke off"


class TestNoAnswer:
    """Status 0, and the reason."""

    async def test_nobody_listens(self, partner: AiohttpPartner) -> None:
        async with http_peer(_accept) as gone:
            pass
        place = gone.removeprefix("http://")
        assert await _error(partner, gone) == f"connection refused: {place}"

    async def test_nobody_knows_the_name(self, partner: AiohttpPartner) -> None:
        assert await _error(partner, "http://nowhere.invalid/fp") == "name not resolved: nowhere.invalid"

    async def test_nobody_accepts(self, partner: AiohttpPartner, closing: AsyncExitStack) -> None:
        url = await closing.enter_async_context(deaf_address())
        assert await _error(partner, url, connect_timeout_ms=50) == "no connection within 50 ms"

    async def test_nobody_answers(self, partner: AiohttpPartner, closing: AsyncExitStack) -> None:
        url = await _raw(closing, _silent)
        assert await _error(partner, url, request_timeout_ms=50) == "no answer within 50 ms"

    async def test_the_body_never_ends(self, partner: AiohttpPartner, closing: AsyncExitStack) -> None:
        """The status has come: that is an answer."""
        manners = _answering(b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        url = await _raw(closing, manners)
        assert (await partner.post(outgoing(url))).status == 204
        within_ms = int(patient(1_000))  # long enough for the half to come
        posted = await partner.post(outgoing(url, request_timeout_ms=within_ms))
        assert (posted.status, posted.body) == (200, "half")
        assert posted.error == f"the answer's body is incomplete: no answer within {within_ms} ms"

    async def test_it_hangs_up(self, partner: AiohttpPartner, closing: AsyncExitStack) -> None:
        url = await _raw(closing, _answering(b""))
        assert await _error(partner, url) == "connection closed without an answer"

    async def test_it_breaks_the_connection(self, partner: AiohttpPartner, closing: AsyncExitStack) -> None:
        async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.transport.abort()

        error = await _error(partner, await _raw(closing, reset))
        assert error in ("connection broken: Connection reset by peer", "connection closed without an answer")

    async def test_it_speaks_something_else(self, partner: AiohttpPartner, closing: AsyncExitStack) -> None:
        url = await _raw(closing, _answering(b"220 mail.example ESMTP\r\n\r\n"))
        assert await _error(partner, url) == "what came back is not HTTP"

    @pytest.mark.parametrize("url", ["http://bob:hunter2hunter2@h/", "http://h/?client_secret=hunter2hunter2"])
    async def test_an_address_of_an_older_log_that_holds_a_secret(self, partner: AiohttpPartner, url: str) -> None:
        error = await _error(partner, url)
        assert "put the secret into credentials.headers" in error
        assert "hunter2hunter2" not in error

    @pytest.mark.parametrize(
        "url", ["", "ftp://depot.example", "http://", "//depot.example", "http://[::1", "http://x:99999/"]
    )
    async def test_the_url_is_none(self, partner: AiohttpPartner, url: str) -> None:
        assert (await _error(partner, url)).startswith(f"no usable address: found {url!r}; expected an address")

    async def test_a_header_cannot_be_sent(self, partner: AiohttpPartner, closing: AsyncExitStack) -> None:
        url = await _peer(closing, _accept)
        error = await _error(partner, url, headers=(("X-Request-ID", "a\r\nX-Other: b"),))
        assert error == "ValueError: the request cannot be sent as it is"

    async def test_the_partner_was_closed(self, partner: AiohttpPartner) -> None:
        await partner.close()
        assert await _error(partner, "http://127.0.0.1:1") == "the service is stopping"


class TestTls:
    async def test_a_server_is_verified(self, partner: AiohttpPartner, closing: AsyncExitStack) -> None:
        url = await closing.enter_async_context(http_peer(_accept, server_tls()))
        error = await _error(partner, url)
        assert error.startswith("certificate not accepted: 127.0.0.1:")
        assert "self-signed certificate" in error

    async def test_an_authority_vouches_for_it(self, partner: AiohttpPartner, closing: AsyncExitStack) -> None:
        url = await closing.enter_async_context(http_peer(_accept, server_tls()))
        posted = await partner.post(outgoing(url, credentials=Credentials(authority=AUTHORITY)))
        assert (posted.status, posted.error) == (204, "")

    async def test_a_server_without_tls_is_told(self, partner: AiohttpPartner, closing: AsyncExitStack) -> None:
        url = await _peer(closing, _accept)
        error = await _error(partner, url.replace("http:", "https:"))
        assert error.startswith("TLS failed: 127.0.0.1:")

    async def test_both_sides_show_certificates(self, partner: AiohttpPartner, closing: AsyncExitStack) -> None:
        names: list[object] = []

        async def note(request: web.Request) -> web.Response:
            assert request.transport is not None
            names.append(request.transport.get_extra_info("peercert")["subject"])
            return web.Response(status=204)

        url = await closing.enter_async_context(http_peer(note, server_tls(asks_for_certificate=True)))
        credentials = Credentials(certificate=CLIENT, key=CLIENT_KEY, authority=AUTHORITY)
        assert (await partner.post(outgoing(url, credentials=credentials))).status == 204
        assert names == [((("commonName", "depot-sim test client"),),)]
        without = await partner.post(outgoing(url, credentials=Credentials(authority=AUTHORITY)))
        assert without.status == 0
        assert without.error

    @pytest.mark.parametrize(
        ("credentials", "told"),
        [
            (Credentials(authority="nowhere.pem"), "nowhere.pem for TLS: No such file or directory"),
            (Credentials(authority=CLIENT_KEY), f"{CLIENT_KEY} for TLS: not as PEM files have to be"),
            (
                Credentials(certificate=CLIENT, key="nowhere.key"),
                f"{CLIENT} with the key nowhere.key for TLS: No such file or directory",
            ),
            (
                Credentials(certificate=CLIENT, key="server.key"),
                f"{CLIENT} with the key server.key for TLS: not as PEM files have to be",
            ),
            (
                Credentials(certificate=CLIENT),
                f"{CLIENT} with the key in it for TLS: not as PEM files have to be",
            ),
        ],
    )
    async def test_files_of_no_use_are_named(
        self, partner: AiohttpPartner, credentials: Credentials, told: str
    ) -> None:
        assert await _error(partner, "https://127.0.0.1:1", credentials=credentials) == f"cannot use {told}"


async def test_partners_with_other_credentials_share_no_connection(
    partner: AiohttpPartner, secrets: Secrets, closing: AsyncExitStack
) -> None:
    ports: set[object] = set()

    async def note(request: web.Request) -> web.Response:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername"))
        return web.Response(status=204)

    url = await _peer(closing, note)
    for name in ("a", "b"):
        credentials = Credentials(outbound=secrets.keep(name, name))
        posted = await partner.post(outgoing(url, credentials=credentials, authorization=Authorization.TOKEN))
        assert posted.status == 204
    assert len(ports) == 2


async def _peer(closing: AsyncExitStack, handler: Handler) -> str:
    return await closing.enter_async_context(http_peer(handler))


async def _raw(closing: AsyncExitStack, manners: Manners) -> str:
    return await closing.enter_async_context(raw_peer(manners))


async def _accept(_: web.Request) -> web.Response:
    return web.Response(status=204)


def _answering(*answers: bytes) -> Manners:
    """Answers request after request, then waits for the other side to go."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for content in answers:
            await reader.readuntil(b"\r\n\r\n{}")
            writer.write(content)
        if len(answers) > 1:
            await reader.read()

    return answer


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _error(partner: AiohttpPartner, url: str, **changes: object) -> str:
    posted = await partner.post(outgoing(url, **changes))
    assert (posted.status, posted.body, posted.answer_headers) == (0, "", ())
    return posted.error


async def _head_sent(
    partner: AiohttpPartner, closing: AsyncExitStack, headers: tuple[tuple[str, str], ...]
) -> list[str]:
    """The request's lines as they were on the wire."""
    heard: list[str] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend((await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    url = await _raw(closing, listen)
    posted = await partner.post(outgoing(f"{url}/fp/2.0/heartbeat?x=1", headers=headers))
    assert posted.status == 204, posted.error
    return heard
