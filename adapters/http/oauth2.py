"""OAuth2 client credentials (RFC 6749, section 4.4): tokens fetched once, shared, and renewed before they expire."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from urllib.parse import quote_plus, urlencode

import aiohttp
import msgspec

from depot_sim.adapters.http.exchange import exchange
from depot_sim.adapters.http.network_faults import FAULTS, Patience, told
from depot_sim.application.http import Headers, SecretStore
from depot_sim.domain.kernel.credentials import Credentials, SecretReference
from depot_sim.domain.kernel.errors import DepotSimError

_MOST_AHEAD_SECONDS = 30.0
_SHARE_AHEAD = 0.1


class NoToken(DepotSimError):
    type = "no-token"
    title = "The partner's token endpoint gave no token"


class Token(NamedTuple):
    """`renew_at` is on the monotonic clock."""

    text: str
    renew_at: float


class TokenCache:
    """Tokens by key. Those who want the same one at once wait for one fetch; one that failed is not remembered."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._held: dict[bytes, Token] = {}
        self._fetches: dict[bytes, asyncio.Task[Token]] = {}

    async def get(self, key: bytes, fetch: Callable[[], Awaitable[_Granted]], refused: str = "") -> str:
        """The key's token; another one than the `refused`. Raises what `fetch` raises; closed, NoToken."""
        held = self._held.get(key)
        if held is not None and held.text != refused and self._monotonic() < held.renew_at:
            return held.text
        task = self._fetches.get(key)
        if task is None:
            task = self._fetches[key] = asyncio.create_task(self._fetch(key, fetch))
            task.add_done_callback(_retrieved)
        try:
            return (await asyncio.shield(task)).text
        except asyncio.CancelledError:
            if task.cancelled():
                raise NoToken("no token: the service is stopping") from None
            raise

    async def close(self) -> None:
        """Give up the fetches under way."""
        tasks = list(self._fetches.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch(self, key: bytes, fetch: Callable[[], Awaitable[_Granted]]) -> Token:
        try:
            asked = self._monotonic()
            granted = await fetch()
            token = self._held[key] = Token(granted.access_token, asked + _renewed_after(granted.expires_in))
            return token
        finally:
            del self._fetches[key]


class _Granted(msgspec.Struct, frozen=True):
    """A token endpoint's answer. Without `expires_in` the token is used until it is refused."""

    access_token: str
    expires_in: float | None = None


class _Denied(msgspec.Struct, frozen=True):
    error: str = ""


async def fetch_token(
    http: aiohttp.ClientSession, credentials: Credentials, headers: Headers, secrets: SecretStore, patience: Patience
) -> _Granted:
    """Raises NoToken, and InvalidInput for a client secret that leads nowhere."""
    secret = secrets.get(credentials.outbound or SecretReference(""))
    form = {"grant_type": "client_credentials"} | ({"scope": credentials.scope} if credentials.scope else {})
    request = (
        *(header for header in headers if header[0].lower() not in ("authorization", "content-type")),
        ("Authorization", f"Basic {_basic(credentials.client_id, secret)}"),
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Accept", "application/json"),
    )
    try:
        answer = await exchange(http, "POST", credentials.token_url, request, urlencode(form).encode(), patience)
    except FAULTS as fault:
        raise NoToken(f"no token from {credentials.token_url}: {told(fault, patience)}") from None
    return _granted(credentials.token_url, answer.status, answer.body)


def _granted(url: str, status: int, body: bytes) -> _Granted:
    if status != 200:
        raise NoToken(f"no token from {url}: answered {status} {_reason(body)}".rstrip())
    try:
        granted = msgspec.json.decode(body, type=_Granted, strict=False)
    except msgspec.MsgspecError:
        raise NoToken(f"no token from {url}: the answer is no token answer") from None
    if not granted.access_token.isascii() or not granted.access_token.isprintable() or not granted.access_token:
        raise NoToken(f"no token from {url}: the token fits in no header")
    return granted


def _reason(body: bytes) -> str:
    """The error's code; its description may say anything."""
    try:
        return msgspec.json.decode(body, type=_Denied).error[:100]
    except msgspec.MsgspecError:
        return ""


def _basic(client_id: str, secret: str) -> str:
    """RFC 6749, section 2.3.1: both are form-encoded before."""
    return b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()


def _renewed_after(expires_in: float | None) -> float:
    """Seconds; a little before the end, so that no request carries a token that dies on the way."""
    if expires_in is None:
        return float("inf")
    return expires_in - min(_MOST_AHEAD_SECONDS, expires_in * _SHARE_AHEAD)


def _retrieved(task: asyncio.Task[Token]) -> None:
    """A failure nobody waits for any more is nobody's."""
    if not task.cancelled():
        task.exception()
