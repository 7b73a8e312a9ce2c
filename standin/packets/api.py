"""The endpoint: POST {path} and POST {path}/{device}, as often as there are paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from aiohttp import web

from depot_sim.standin.bodies import read_body
from depot_sim.standin.packets.intake import Acceptance, Answer, HungUp, Intake, Post, Refusal, status_of
from depot_sim.standin.tokens import Gatekeeper

_LABELS = {"X-Packet-Id": "packetId", "X-Packet-Type": "type", "X-Packet-Seq": "seq"}


class PacketApi:
    """Serves one intake."""

    def __init__(self, intake: Intake, gatekeeper: Gatekeeper) -> None:
        self._intake = intake
        self._gatekeeper = gatekeeper

    def routes(self, paths: Sequence[str]) -> list[web.RouteDef]:
        """On each of the paths, with a device behind it or without."""
        whole = [web.post(path, self._receive) for path in paths]
        return [*whole, *(web.post(f"{path}/{{device:.+}}", self._receive) for path in paths)]

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        device, body = request.match_info.get("device"), await read_body(request)
        post = Post(request.path, device, request.content_type, body, _label(request.headers))
        if not self._gatekeeper.lets_pass(request.headers.get("Authorization")):
            refusal = self._intake.turn_away(post, "the authorization is missing, unknown or revoked")
            return _response(refusal, {"WWW-Authenticate": "Bearer"})
        try:
            return _response(await self._intake.receive(post))
        except HungUp:
            return _hang_up(request)


def _label(headers: Mapping[str, str]) -> dict[str, object]:
    """What encodings without a place for it say in headers."""
    said = {name: headers[header] for header, name in _LABELS.items() if header in headers}
    seq = said.get("seq", "")
    return {**said, "seq": int(seq)} if seq.isascii() and seq.isdigit() else dict(said)


def _response(answer: Answer, headers: dict[str, str] | None = None) -> web.Response:
    status = status_of(answer)
    if isinstance(answer, Acceptance):
        return web.Response(status=status, body=msgspec.json.encode(answer), content_type="application/json")
    if isinstance(answer, Refusal):
        body = msgspec.json.encode({"type": "about:blank", **msgspec.to_builtins(answer)})
        return web.Response(status=status, body=body, headers=headers, content_type="application/problem+json")
    return web.Response(status=status, body=answer.body, headers=answer.headers)


def _hang_up(request: web.Request) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response(status=503)  # nobody reads it: the connection is closed
