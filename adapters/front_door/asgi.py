"""The front door as an ASGI application around all surfaces."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, NamedTuple, Protocol

from depot_sim.adapters.front_door.rules import (
    FORWARDING,
    DoorSettings,
    Refusal,
    RequestFacts,
    Surface,
    Token,
    decide,
    forwarding_header,
    requires_credentials,
    sender_of,
)
from depot_sim.application.access.actors import ADMISSION, LOCAL, Actor, Admission
from depot_sim.application.access.refusals import RefusalAudit, RefusalLimit, RefusedRequest

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOOKED_AT = frozenset({b"host", b"origin", b"authorization", *(name.encode() for name in FORWARDING)})
_POLICY_VIOLATION = 1008
"""The close code of a WebSocket that breaks a rule (RFC 6455 7.4.1)."""


class Response(NamedTuple):
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class GuardedSurface(NamedTuple):
    """A surface behind the door: which paths are its own, and how it words refusals.

    Paths at or below one of `prefixes` belong to it. `route` gives the path template of a path, for the audit.
    """

    rules: Surface
    prefixes: tuple[str, ...]
    route: Callable[[str], str]
    respond: Callable[[Refusal], Response]

    def has(self, path: str) -> bool:
        return any(path == prefix or path.startswith(f"{prefix}/") for prefix in self.prefixes)


class KnownTokens(Protocol):
    """The tokens that are valid now."""

    def actor(self, token: str) -> Actor | None: ...


class FrontDoor:
    """Decides on every HTTP request and WebSocket before its surface sees it.

    A request that is let in carries its Admission in the scope. Refusals for want of a valid token are counted by the
    audit and, beyond the limit of their sender, answered 429.
    """

    def __init__(
        self,
        app: Application,
        surfaces: Sequence[GuardedSurface],
        default: GuardedSurface,
        settings: DoorSettings,
        tokens: KnownTokens,
        *,
        limit: RefusalLimit,
        audit: RefusalAudit,
    ) -> None:
        self._app = app
        self._surfaces = tuple(surfaces)
        self._default = default
        self._settings = settings
        self._tokens = tokens
        self._limit = limit
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        surface = next((one for one in self._surfaces if one.has(path)), self._default)
        headers = _Headers(scope["headers"])
        facts = _facts(scope, headers)
        sender = sender_of(facts.client, headers.all(b"x-forwarded-for"), self._settings)
        asks_token = surface.rules.asks_token and self._settings.has_tokens
        token, actor = self._token(headers) if asks_token else (Token.MISSING, None)
        refusal = decide(surface.rules, facts, token, self._settings)
        if refusal is None:
            credentials = requires_credentials(surface.rules, facts, self._settings)
            scope[ADMISSION] = Admission(sender, self._acting(surface.rules, actor), credentials)
            await self._app(scope, receive, send)
            return
        scope["path_template"] = surface.route(path)
        await _answer(scope, send, self._response(surface, sender, scope["path_template"], refusal))

    def _acting(self, surface: Surface, actor: Actor | None) -> Actor | None:
        if actor is None and surface.asks_token and not self._settings.has_tokens:
            return LOCAL
        return actor

    def _token(self, headers: _Headers) -> tuple[Token, Actor | None]:
        shown = headers.all(b"authorization")
        if not shown:
            return Token.MISSING, None
        scheme, _, token = shown[0].partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return Token.MISSING, None
        actor = self._tokens.actor(token.strip()) if len(shown) == 1 else None
        return (Token.UNKNOWN, None) if actor is None else (Token.VALID, actor)

    def _response(self, surface: GuardedSurface, sender: str, route: str, refusal: Refusal) -> Response:
        if refusal.status != 401:
            return surface.respond(refusal)
        wait = self._limit.take(sender)
        rule = "rate" if wait else refusal.rule
        self._audit.note(RefusedRequest(sender, surface.rules.name, route, rule))
        return surface.respond(refusal) if not wait else _later(surface, wait)


def _later(surface: GuardedSurface, wait: int) -> Response:
    detail = "too many requests without a valid token came from this address"
    response = surface.respond(Refusal(429, "rate", detail, f"send a valid token, or wait {wait} s"))
    return response._replace(headers=(*response.headers, ("retry-after", str(wait))))


class _Headers:
    """The headers that the rules look at, by their names in lower case; the rest is not decoded."""

    def __init__(self, raw: Sequence[tuple[bytes, bytes]]) -> None:
        self._values: dict[bytes, list[str]] = {}
        for name, value in raw:
            lower = name.lower()
            if lower in _LOOKED_AT:
                self._values.setdefault(lower, []).append(value.decode("latin-1"))

    def all(self, name: bytes) -> tuple[str, ...]:
        return tuple(self._values.get(name, ()))

    @property
    def forwarding(self) -> str:
        return forwarding_header(name.decode("latin-1") for name in self._values)


def _facts(scope: Scope, headers: _Headers) -> RequestFacts:
    client = scope.get("client")
    return RequestFacts(
        method=scope.get("method", "GET"),
        path=scope["path"],
        hosts=headers.all(b"host"),
        origins=headers.all(b"origin"),
        client=client[0] if client else "",
        forwarded_by=headers.forwarding,
        is_websocket=scope["type"] == "websocket",
    )


async def _answer(scope: Scope, send: Send, response: Response) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        return
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    length = (b"content-length", b"%d" % len(response.body))
    await send({"type": "http.response.start", "status": response.status, "headers": [*headers, length]})
    body = b"" if scope["method"] == "HEAD" else response.body
    await send({"type": "http.response.body", "body": body})
