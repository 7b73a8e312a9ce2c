"""How requests are proven, as the partner sees it."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web

from depot_sim.adapters.http import AiohttpPartner, Secrets
from depot_sim.application.http import HttpResult
from depot_sim.domain.kernel.credentials import Authorization, Credentials, SecretReference
from tests.adapters.http.peers import Clock, http_peer, outgoing

pytestmark = pytest.mark.anyio


class Platform:
    """A partner with a token endpoint at /token; it takes the newest token only."""

    def __init__(self) -> None:
        self.url = ""
        self.issued = 0
        self.expires_in: int | str | None = 3_600
        self.refusing = False
        self.token_status = 200
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.messages: list[web.Request] = []
        self.token_requests: list[tuple[web.Request, str]] = []

    async def handle(self, request: web.Request) -> web.Response:
        return await (self._grant(request) if request.path == "/token" else self._take(request))

    async def _grant(self, request: web.Request) -> web.Response:
        self.token_requests.append((request, await request.text()))
        self.asked.set()
        await self.gate.wait()
        if self.token_status != 200:
            answer = {"error": "invalid_client", "error_description": "the secret s3cret is wrong"}
            return web.json_response(answer, status=self.token_status)
        self.issued += 1
        life = {} if self.expires_in is None else {"expires_in": self.expires_in}
        return web.json_response({"access_token": f"t{self.issued}", "token_type": "Bearer", **life})

    async def _take(self, request: web.Request) -> web.Response:
        self.messages.append(request)
        known = request.headers.get("Authorization") == f"Bearer t{self.issued}"
        return web.Response(status=401 if self.refusing or (self.issued and not known) else 204)

    @property
    def shown(self) -> list[str | None]:
        """Authorization, message by message."""
        return [request.headers.get("Authorization") for request in self.messages]


@pytest.fixture
async def platform(closing: AsyncExitStack) -> Platform:
    platform = Platform()
    platform.url = await closing.enter_async_context(http_peer(platform.handle))
    return platform


class Sender:
    """Sends with the same credentials again and again."""

    def __init__(self, partner: AiohttpPartner, platform: Platform, secrets: Secrets) -> None:
        self._partner = partner
        self._url = platform.url
        self.credentials = Credentials(
            outbound=secrets.keep("client", "s3 cret"), token_url=f"{platform.url}/token", client_id="depot:1"
        )

    async def __call__(self, **changes: object) -> HttpResult:
        usual = {"authorization": Authorization.OAUTH2, "credentials": self.credentials}
        return await self._partner.post(outgoing(f"{self._url}/heartbeat", **(usual | changes)))


@pytest.fixture
def send(partner: AiohttpPartner, platform: Platform, secrets: Secrets) -> Sender:
    return Sender(partner, platform, secrets)


@pytest.mark.parametrize(
    ("authorization", "shown"),
    [(Authorization.NONE, None), (Authorization.TOKEN, "Token s3 cret"), (Authorization.BEARER, "Bearer s3 cret")],
)
async def test_a_fixed_token_is_shown_as_the_profile_says(
    send: Sender, platform: Platform, authorization: Authorization, shown: str | None
) -> None:
    posted = await send(authorization=authorization)
    assert posted.status == 204
    assert platform.shown == [shown]
    assert "s3 cret" not in str(posted)


async def test_a_rotated_token_is_sent_from_then_on(platform: Platform, tmp_path: Path) -> None:
    file, partner = tmp_path / "token", AiohttpPartner(Secrets(folder=tmp_path))
    credentials = Credentials(outbound=SecretReference("file:token"))
    for token in ("the first", "the second"):
        file.write_text(token)
        message = outgoing(platform.url, authorization=Authorization.TOKEN, credentials=credentials)
        assert (await partner.post(message)).status == 204
    await partner.close()
    assert platform.shown == ["Token the first", "Token the second"]


async def test_static_headers_are_sent_and_their_secrets_masked(
    send: Sender, platform: Platform, secrets: Secrets
) -> None:
    headers: dict[str, str | SecretReference] = {"fp-id": "42", "X-Site-Code": secrets.keep("site", "hidden")}
    posted = await send(authorization=Authorization.NONE, credentials=Credentials(headers=headers))
    (message,) = platform.messages
    assert (message.headers["fp-id"], message.headers["X-Site-Code"]) == ("42", "hidden")
    assert ("fp-id", "42") in posted.headers
    assert ("X-Site-Code", "***") in posted.headers


async def test_headers_that_a_message_brings_along_stay(send: Sender, platform: Platform) -> None:
    """A tester's own Authorization is shown, and not renewed."""
    platform.refusing = True
    posted = await send(headers=(("authorization", "Basic nonsense"), ("FP-ID", "7")), credentials=_with_fp_id(send))
    assert posted.status == 401
    assert platform.shown == ["Basic nonsense"]
    assert platform.messages[0].headers.getall("fp-id") == ["7"]
    assert dict(posted.headers)["authorization"] == "Basic ***"


@pytest.mark.parametrize(
    ("credentials", "told"),
    [
        (Credentials(), "there is no token to send"),
        (
            Credentials(outbound=SecretReference("env:DEPOT_SIM_SECRET_NOT_SET")),
            "no environment variable DEPOT_SIM_SECRET_NOT_SET",
        ),
        (Credentials(outbound=SecretReference("env:DEPOT_SIM_TOKENS")), "a variable whose name begins with"),
        (Credentials(outbound=SecretReference("file:/etc/hostname")), "which is not in the folder of secrets"),
        (Credentials(headers={"X-Key": "written down"}), 'a reference, such as {"secret": "NAME"}'),
        (
            Credentials(headers={"Authorization": SecretReference("kept:none")}),
            '"profile_changes": {"authorization": "bearer"}',
        ),
        (Credentials(headers={"Host": SecretReference("kept:none")}), "leave this one out"),
        (Credentials(headers={"apikey": SecretReference("kept:none")}), "no secret kept under 'none'"),
    ],
)
async def test_a_secret_that_is_not_there_fails_the_message(
    send: Sender, platform: Platform, credentials: Credentials, told: str
) -> None:
    posted = await send(authorization=Authorization.TOKEN, credentials=credentials)
    assert posted.status == 0
    assert told in posted.error
    assert platform.messages == []


class TestClientCredentials:
    async def test_a_token_is_fetched_and_shown(self, send: Sender, platform: Platform) -> None:
        posted = await send()
        assert (posted.status, platform.shown) == (204, ["Bearer t1"])
        assert dict(posted.headers)["Authorization"] == "Bearer ***"
        ((request, form),) = platform.token_requests
        assert (request.method, form) == ("POST", "grant_type=client_credentials")
        assert request.content_type == "application/x-www-form-urlencoded"
        assert request.headers["Authorization"] == f"Basic {b64encode(b'depot%3A1:s3+cret').decode()}"

    async def test_scope_and_static_headers_go_to_the_token_endpoint_too(
        self, send: Sender, platform: Platform
    ) -> None:
        send.credentials = Credentials(
            outbound=send.credentials.outbound,
            token_url=send.credentials.token_url,
            client_id="depot",
            scope="oscp read",
            headers={"fp-id": "42"},
        )
        await send()
        ((request, form),) = platform.token_requests
        assert form == "grant_type=client_credentials&scope=oscp+read"
        assert request.headers["fp-id"] == "42"

    async def test_a_token_is_kept_until_shortly_before_it_expires(
        self, send: Sender, platform: Platform, clock: Clock
    ) -> None:
        await send()
        clock.now += 3_569
        await send()
        assert platform.issued == 1
        clock.now += 1
        await send()
        assert platform.shown == ["Bearer t1", "Bearer t1", "Bearer t2"]

    async def test_a_short_token_is_kept_for_most_of_its_life(
        self, send: Sender, platform: Platform, clock: Clock
    ) -> None:
        """Also when the endpoint writes its figures as text."""
        platform.expires_in = "10"
        await send()
        clock.now += 8.9
        await send()
        assert platform.issued == 1
        clock.now += 0.2
        await send()
        assert platform.issued == 2

    async def test_a_token_without_an_end_is_kept_until_it_is_refused(
        self, send: Sender, platform: Platform, clock: Clock
    ) -> None:
        platform.expires_in = None
        await send()
        clock.now += 10**9
        await send()
        assert platform.issued == 1

    async def test_a_refused_token_is_renewed_once(self, send: Sender, platform: Platform) -> None:
        await send()
        platform.issued = 7  # whatever was issued before is worthless now
        posted = await send()
        assert posted.status == 204
        assert platform.shown == ["Bearer t1", "Bearer t1", "Bearer t8"]

    async def test_a_401_to_a_new_token_is_the_answer(self, send: Sender, platform: Platform) -> None:
        platform.refusing = True
        posted = await send()
        assert (posted.status, platform.shown) == (401, ["Bearer t1", "Bearer t2"])

    async def test_messages_sent_at_once_share_one_fetch(self, send: Sender, platform: Platform) -> None:
        posted = await asyncio.gather(*(send() for _ in range(20)))
        assert {answer.status for answer in posted} == {204}
        assert platform.issued == 1

    async def test_messages_refused_at_once_share_one_renewal(self, send: Sender, platform: Platform) -> None:
        await send()
        platform.issued = 7
        posted = await asyncio.gather(*(send() for _ in range(20)))
        assert {answer.status for answer in posted} == {204}
        assert platform.issued == 8

    async def test_who_gives_up_does_not_spoil_it_for_others(self, send: Sender, platform: Platform) -> None:
        platform.gate.clear()
        impatient, patient = asyncio.create_task(send()), asyncio.create_task(send())
        await platform.asked.wait()
        impatient.cancel()
        platform.gate.set()
        assert (await patient).status == 204
        assert platform.issued == 1

    async def test_other_credentials_have_their_own_token(
        self, send: Sender, platform: Platform, secrets: Secrets
    ) -> None:
        await send()
        other = Credentials(
            outbound=secrets.keep("other", "x"), token_url=send.credentials.token_url, client_id="another"
        )
        assert (await send(credentials=other)).status == 204
        assert platform.issued == 2

    async def test_a_refusal_by_the_token_endpoint_is_told_by_its_code(self, send: Sender, platform: Platform) -> None:
        platform.token_status = 401
        posted = await send()
        assert posted.status == 0
        assert posted.error == f"no token from {platform.url}/token: answered 401 invalid_client"
        platform.token_status = 200
        assert (await send()).status == 204

    async def test_a_token_endpoint_that_is_not_there_is_told(self, send: Sender) -> None:
        async with http_peer(_nothing) as gone:
            pass
        credentials = Credentials(outbound=send.credentials.outbound, token_url=f"{gone}/token", client_id="depot")
        posted = await send(credentials=credentials)
        assert posted.error == f"no token from {gone}/token: connection refused: {gone.removeprefix('http://')}"

    @pytest.mark.parametrize("answer", ["{}", "[]", "", "<html>", '{"access_token": ""}', '{"access_token": "a\\nb"}'])
    async def test_what_is_no_token_is_told(self, send: Sender, closing: AsyncExitStack, answer: str) -> None:
        async def speak(_: web.Request) -> web.Response:
            return web.Response(text=answer)

        url = await closing.enter_async_context(http_peer(speak))
        credentials = Credentials(outbound=send.credentials.outbound, token_url=url, client_id="depot")
        posted = await send(credentials=credentials)
        assert posted.status == 0
        assert posted.error.startswith(f"no token from {url}: the ")

    async def test_without_a_token_endpoint_there_is_no_token(self, send: Sender) -> None:
        posted = await send(credentials=Credentials(outbound=send.credentials.outbound))
        assert posted.error.startswith("no usable address: found ''; expected an address that begins with http://")

    async def test_closing_ends_a_fetch_under_way(
        self, send: Sender, platform: Platform, partner: AiohttpPartner
    ) -> None:
        platform.gate.clear()
        waiting = asyncio.create_task(send())
        await platform.asked.wait()
        await partner.close()
        assert (await waiting).error == "no token: the service is stopping"
        platform.gate.set()


def _with_fp_id(send: Sender) -> Credentials:
    return Credentials(
        outbound=send.credentials.outbound, token_url=send.credentials.token_url, headers={"fp-id": "42"}
    )


async def _nothing(_: web.Request) -> web.Response:
    return web.Response()
