"""The protocol routes: `POST {prefix}/fp/2.0/{message}`, and the token endpoint."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from depot_sim.standin.bodies import read_body
from depot_sim.standin.inbound import Answer, Arrival, Unanswered, receive
from depot_sim.standin.link import Link
from depot_sim.standin.provider import Provider, Stray, wall_clock
from depot_sim.standin.wire import CONFIGURATION_ID, CORRELATION_ID, REQUEST_ID, SERVED, Message


class ProtocolApi:
    """Serves one provider's routes."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def routes(self, prefix: str) -> list[web.RouteDef]:
        messages = [web.post(f"{prefix}/fp/2.0/{message}", self._receive) for message in SERVED]
        return [*messages, web.post("/oauth/token", self._issue_token)]

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        arrival = Arrival(
            Message(request.path.rsplit("/", 1)[-1]),
            request.headers.get(REQUEST_ID),
            request.headers.get(CORRELATION_ID),
            await read_body(request),
        )
        link = self._provider.link(request.headers.get(CONFIGURATION_ID, ""))
        if refusal := self._refuse(link, request):
            return self._turn_away(request, arrival, refusal)
        assert link is not None, "refused above"
        try:
            answer = await receive(link, arrival)
            return await _respond(request, answer)
        except Unanswered:
            return _hang_up(request)
        finally:
            link.pay_acknowledgement()  # now that the answer has gone out

    def _refuse(self, link: Link | None, request: web.Request) -> Answer | None:
        if not self._provider.gatekeeper.lets_pass(request.headers.get("Authorization")):
            return Answer(401, "the authorization is missing, unknown or revoked")
        if link is None:
            return Answer(403, f"unknown {CONFIGURATION_ID}")
        return None

    def _turn_away(self, request: web.Request, arrival: Arrival, refusal: Answer) -> web.Response:
        configuration_id = request.headers.get(CONFIGURATION_ID)
        self._provider.strays.append(
            Stray(wall_clock(), arrival.message, configuration_id, arrival.request_id, refusal.status, refusal.reason)
        )
        return _response(refusal)

    async def _issue_token(self, request: web.Request) -> web.Response:
        """Client credentials grant (RFC 6749 section 4.4), credentials by HTTP Basic or in the form."""
        form = await _form(request)
        client_id, secret = _credentials(request) or (form.get("client_id", ""), form.get("client_secret", ""))
        if form.get("grant_type") != "client_credentials":
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        token = self._provider.gatekeeper.issue(client_id, secret)
        if token is None:
            return web.json_response({"error": "invalid_client"}, status=401)
        return web.json_response(msgspec.to_builtins(token), headers={"Cache-Control": "no-store"})


async def _form(request: web.Request) -> dict[str, str]:
    """The body as a form, which is the only type that RFC 6749 has for it; of other types nothing is read."""
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    return dict(parse_qsl((await read_body(request)).decode(errors="replace"), keep_blank_values=True))


async def _respond(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Write the answer out whole, rather than have it written after the handler."""
    response = _response(answer)
    await response.prepare(request)
    await response.write_eof()
    return response


def _response(answer: Answer) -> web.Response:
    if answer.status == 204:
        return web.Response(status=204)
    return web.json_response({"message": answer.reason}, status=answer.status)


def _hang_up(request: web.Request) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response(status=503)  # nobody reads it: the connection is closed


def _credentials(request: web.Request) -> tuple[str, str] | None:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return client_id, secret
