"""Which requests a surface lets in: pure functions of the request, the surface and the settings of the process.

The stand-in uses them as well. So this module imports the standard library and the connection guard only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from depot_sim.connection_guard.addresses import client_of, parsed_address

SHORTEST_TOKEN = 16
"""Characters of a token, of the service and of the stand-in."""
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
FORWARDING = frozenset({"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"})
"""Headers, in lower case, that show that a proxy has sent a request on."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_NEVER_IN_AUTHORITY = frozenset("@/\\?#% \t\r\n")  # of a user, a path, a query, a fragment, a zone
_UNKNOWN_ADDRESS = "unknown"
_LONGEST_NAME = 253  # characters of a host name; longer ones are not looked at, and not kept in the caches


class Surface(NamedTuple):
    """A part of a server with rules of its own. `name` is what `--open` takes and what is recorded.

    With `asks_token`, requests need a token of the process; otherwise the surface authenticates its requests itself.
    `open_paths` need no token.
    """

    name: str
    asks_token: bool
    open_paths: frozenset[str] = frozenset()


class DoorSettings(NamedTuple):
    """`is_exposed` when the process listens beyond loopback. `opened` are names of surfaces.

    `trusted_proxies` are addresses whose X-Forwarded-For header names the client.
    """

    has_tokens: bool
    is_exposed: bool
    opened: frozenset[str] = frozenset()
    trusted_proxies: frozenset[str] = frozenset()


class Token(Enum):
    """What a request shows as the token of the process."""

    MISSING = auto()
    UNKNOWN = auto()
    VALID = auto()


class RequestFacts(NamedTuple):
    """A request as far as the rules look at it. `hosts` and `origins` are all values of these headers.

    `method` is that of HTTP; a WebSocket begins with GET and can change something, which `is_websocket` says.
    `forwarded_by` is the name of a header that shows that a proxy has sent it on, "" without one.
    """

    method: str
    path: str
    hosts: tuple[str, ...]
    origins: tuple[str, ...]
    client: str
    forwarded_by: str
    is_websocket: bool = False


class Refusal(NamedTuple):
    """`rule` is stable and for programs, `detail` says what happened, `hint` what to do."""

    status: int
    rule: str
    detail: str
    hint: str


def decide(surface: Surface, request: RequestFacts, token: Token, settings: DoorSettings) -> Refusal | None:
    """The refusal of a request, None when it may come in."""
    is_open = surface.name in settings.opened
    is_local_process = not (settings.has_tokens or settings.is_exposed)
    if is_local_process and not is_open and not has_loopback_host(request):
        detail = "without tokens this service answers only requests whose Host is localhost or a loopback address"
        return Refusal(403, "host", detail, "use http://127.0.0.1 or http://localhost, or start it with tokens")
    if is_local_process and not is_open and request.forwarded_by:
        detail = f"without tokens this service takes no requests from proxies, and this one has {request.forwarded_by}"
        return Refusal(403, "forwarded", detail, "send it without a proxy, or start the service with tokens")
    is_behind_tls = settings.has_tokens or bool(settings.trusted_proxies)
    if _may_change(request) and has_foreign_origin(request, is_behind_tls=is_behind_tls):
        detail = "the request comes from a web page of another origin, and such a page may not change anything"
        return Refusal(403, "origin", detail, "send it without a browser, or from a page of the same origin")
    asks_token = surface.asks_token and not is_open and request.path not in surface.open_paths
    if asks_token and (settings.has_tokens or settings.is_exposed):
        return _token_refusal(surface, token, settings)
    return None


def _token_refusal(surface: Surface, token: Token, settings: DoorSettings) -> Refusal | None:
    if not settings.has_tokens:
        detail = f"{surface.name} is closed: the process listens beyond loopback and has no tokens"
        return Refusal(401, "closed", detail, f"start it with a token, or with --open {surface.name}")
    if token is Token.MISSING:
        detail = "the request has no bearer token"
        return Refusal(401, "token.missing", detail, "send the header Authorization: Bearer TOKEN")
    if token is Token.UNKNOWN:
        return Refusal(401, "token.unknown", "the service does not know this token", "ask its operator for a token")
    return None


def requires_credentials(surface: Surface, request: RequestFacts, settings: DoorSettings) -> bool:
    """Whether a surface that authenticates its requests itself has to refuse those without credentials.

    It need not when it is opened, and for requests of this machine to a process that listens on loopback.
    """
    if surface.name in settings.opened:
        return False
    return settings.is_exposed or (settings.has_tokens and not _is_local(request))


def sender_of(client: str, forwarded_for: Sequence[str], settings: DoorSettings) -> str:
    """The address that limits and records are kept for.

    That is the address of the connection. When this is a trusted proxy, it is the last address in X-Forwarded-For,
    without its port, that is not a trusted proxy: what stands before it was written by the client. Addresses of one
    IPv6 network of 64 bits count as one sender, because one client may have all of them.
    """
    trusted = _plain_addresses(settings.trusted_proxies) if settings.trusted_proxies else settings.trusted_proxies
    if not trusted or _plain_address(client) not in trusted:
        return _sender(client)
    listed = [_without_port(part.strip()) for value in forwarded_for for part in value.split(",")]
    return _sender(next((one for one in reversed(listed) if _plain_address(one) not in trusted), client))


def has_loopback_host(request: RequestFacts) -> bool:
    """Whether the one Host header names this machine, which the name of a rebound site never does."""
    return len(request.hosts) == 1 and is_loopback_name(_name_in(request.hosts[0]))


def has_foreign_origin(request: RequestFacts, *, is_behind_tls: bool = False) -> bool:
    """Whether a browser says that the page behind the request is of another origin than the request's Host.

    The process speaks http. Only when it may be behind a proxy that speaks TLS, a page of https can be its own.
    """
    if not request.origins:
        return False
    if len(request.origins) > 1 or len(request.hosts) != 1:
        return True
    schemes = ("http", "https") if is_behind_tls else ("http",)
    return not _is_same(request.origins[0], request.hosts[0], schemes)


def forwarding_header(names: Iterable[str]) -> str:
    """Which of the headers, in lower case, shows that a proxy has sent the request on; "" when none does."""
    return next((name for name in names if name in FORWARDING), "")


def is_loopback_name(name: str) -> bool:
    """Whether a host name or address, with IPv6 addresses without brackets, is one of this machine alone.

    A name with a zone (`::1%eth0`) is none: any text may stand for the zone.
    """
    return len(name) <= _LONGEST_NAME and "%" not in name and _is_loopback_name(name)


@lru_cache(1_024)
def _is_loopback_name(name: str) -> bool:
    if name.lower().removesuffix(".") == "localhost":
        return True
    address = parsed_address(name)
    return address is not None and address.is_loopback


def _may_change(request: RequestFacts) -> bool:
    return request.is_websocket or request.method not in _READING


def _is_local(request: RequestFacts) -> bool:
    return (
        is_loopback_name(request.client)
        and has_loopback_host(request)
        and not request.forwarded_by
        and not has_foreign_origin(request)
    )


def _name_in(host: str) -> str:
    """The name in a Host header; nothing when it is not a name with at most a port."""
    if host.startswith("["):
        name, bracket, rest = host[1:].partition("]")
        is_whole = bool(bracket) and ":" in name and (not rest or _is_port(rest))
        return name if is_whole else ""
    name, colon, port = host.partition(":")
    return name if not colon or _is_port(f":{port}") else ""


def _is_port(text: str) -> bool:
    return text[0] == ":" and (text == ":" or (text[1:].isascii() and text[1:].isdigit()))


def _is_same(origin: str, host: str, schemes: Sequence[str]) -> bool:
    """Whether an origin is `scheme://host`. It has no user, path, query or fragment, and neither has a Host."""
    scheme, separator, authority = origin.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in schemes or not _NEVER_IN_AUTHORITY.isdisjoint(authority + host):
        return False
    try:
        said, meant = urlsplit(f"//{authority}"), urlsplit(f"//{host}")
        default = _DEFAULT_PORTS[scheme]
        same_port = (said.port or default) == (meant.port or default)
    except ValueError:
        return False
    return said.hostname is not None and said.hostname == meant.hostname and same_port


def _without_port(address: str) -> str:
    """The address in what proxies write: `192.0.2.1:5678`, `[2001:db8::1]:5678`, `[2001:db8::1]`, or it alone."""
    if address.startswith("["):
        inside, bracket, rest = address[1:].partition("]")
        return inside if bracket and (not rest or _is_port(rest)) else address
    name, colon, port = address.partition(":")
    return name if colon and ":" not in port and _is_port(f":{port}") else address


@lru_cache(16)
def _plain_addresses(addresses: frozenset[str]) -> frozenset[str]:
    return frozenset(map(_plain_address, addresses))


def _plain_address(text: str) -> str:
    """One text for each address: an IPv4 address mapped into IPv6 (`::ffff:192.0.2.1`) is the IPv4 address."""
    return _cached_plain_address(text) if len(text) <= _LONGEST_NAME else text


@lru_cache(4_096)
def _cached_plain_address(text: str) -> str:
    address = parsed_address(text)
    return text if address is None else str(address)


def _sender(address: str) -> str:
    return _cached_sender(address) if len(address) <= _LONGEST_NAME else _UNKNOWN_ADDRESS


@lru_cache(4_096)
def _cached_sender(address: str) -> str:
    return client_of(address) or _UNKNOWN_ADDRESS
