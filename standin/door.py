"""Which requests the stand-in lets in: by the rules of the simulator's front door, the only code the two share.

Also tells the connection guard where a response ends, and gives pages the headers that keep other sites out of them.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import Struct

from depot_sim.adapters.front_door.rules import (
    SHORTEST_TOKEN,
    DoorSettings,
    Refusal,
    RequestFacts,
    Surface,
    Token,
    decide,
    forwarding_header,
    is_loopback_name,
)
from depot_sim.connection_guard import current_connection
from depot_sim.standin.bodies import Bodies, BodyRefused
from depot_sim.standin.tokens import Gatekeeper

SURFACES = ("control", "oscp", "packets", "page")
"""What `--open` can name."""

_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
_PAGE_PATHS = frozenset({"/", "/connections.html", "/page.css", "/page.js"})


class AccessFault(NamedTuple):
    """What is wrong with the options, and what to do."""

    what: str
    hint: str


class Access(Struct, frozen=True, kw_only=True):
    """Who may send requests. `opened` are names of surfaces that need no token."""

    host: str = "127.0.0.1"
    tokens: Sequence[str] = ()
    opened: frozenset[str] = frozenset()

    @property
    def settings(self) -> DoorSettings:
        return DoorSettings(bool(self.tokens), not is_loopback_name(self.host), self.opened)

    @property
    def fault(self) -> AccessFault | None:
        """Why the stand-in must not start; None when it may."""
        shortest = min(map(len, self.tokens), default=SHORTEST_TOKEN)
        if shortest < SHORTEST_TOKEN:
            return AccessFault(
                f"a token (--token, STANDIN_TOKENS) has {shortest} characters",
                f"give one of at least {SHORTEST_TOKEN} characters",
            )
        if is_loopback_name(self.host) or self.tokens or self.opened:
            return None
        return AccessFault(
            f"the stand-in listens on {self.host} only with a token or with surfaces that are opened by name",
            f"add --token TOKEN or --open NAME ({', '.join(SURFACES)}), or listen on 127.0.0.1",
        )


ON_LOOPBACK = Access()


class Door:
    """Decides on every request before its handler. `prefix` is where OSCP is, `packet_paths` where packets go.

    `bodies` holds the bodies of requests that are let in to their limits.
    """

    def __init__(
        self, access: Access, gatekeeper: Gatekeeper, prefix: str, packet_paths: Sequence[str], bodies: Bodies
    ) -> None:
        self._bodies = bodies
        self._settings = access.settings
        self._tokens = tuple(access.tokens)
        self._oscp_paths = (prefix, "/oauth/token") if prefix else ("/fp", "/oauth/token")
        self._packet_paths = tuple(packet_paths)
        asks_token = not gatekeeper.asks_authorization
        self._oscp, self._packets = Surface("oscp", asks_token), Surface("packets", asks_token)
        self._control, self._page = Surface("control", asks_token=True), Surface("page", asks_token=True)

    @property
    def middleware(self) -> web.middleware:  # type: ignore[valid-type]
        """For `web.Application(middlewares=...)`; the first of them."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            connection = current_connection()
            try:
                refusal = decide(self._surface(request.path), _facts(request), self._token(request), self._settings)
                if refusal is not None:
                    return _protected(_response(refusal))
                with self._bodies.of(request):
                    return _protected(await handler(request))
            except BodyRefused as refused:
                return _protected(refused.response())
            finally:
                if connection is not None:
                    connection.response_ended()

        return check

    def _surface(self, path: str) -> Surface:
        if _is_below(path, self._packet_paths):
            return self._packets
        if _is_below(path, self._oscp_paths):
            return self._oscp
        return self._page if path in _PAGE_PATHS else self._control

    def _token(self, request: web.Request) -> Token:
        shown = request.headers.getall("Authorization", ())
        scheme, _, token = shown[0].partition(" ") if shown else ("", "", "")
        if scheme.lower() != "bearer" or not token.strip():
            return Token.MISSING
        is_known = len(shown) == 1 and any(_is_same(token.strip(), known) for known in self._tokens)
        return Token.VALID if is_known else Token.UNKNOWN


def _facts(request: web.Request) -> RequestFacts:
    return RequestFacts(
        method=request.method,
        path=request.path,
        hosts=_hosts(request),
        origins=tuple(request.headers.getall("Origin", ())),
        client=request.remote or "",
        forwarded_by=forwarding_header(name.lower() for name in request.headers),
        is_websocket=request.headers.get("Upgrade", "").lower() == "websocket",
    )


def _hosts(request: web.Request) -> tuple[str, ...]:
    """What the target names as host replaces the Host header (RFC 9112 3.2.2)."""
    target = request.raw_path
    if target.startswith("/") or target == "*":
        return tuple(request.headers.getall("Host", ()))
    _, separator, rest = target.partition("://")
    return (re.split(r"[/?#]", rest if separator else target, maxsplit=1)[0],)


def _response(refusal: Refusal) -> web.Response:
    headers = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else None
    message = {"message": f"{refusal.detail}; {refusal.hint}"}
    return web.json_response(message, status=refusal.status, headers=headers)


def _protected(response: web.StreamResponse) -> web.StreamResponse:
    if not response.prepared:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        if response.content_type == "text/html":
            response.headers.update(_PAGE_HEADERS)
    return response


def _is_below(path: str, prefixes: Iterable[str]) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)


def _is_same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
