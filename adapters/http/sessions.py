"""One aiohttp session per partner: the same origin with the same credentials shares connections, nothing else does."""

from __future__ import annotations

import ssl
from typing import NamedTuple

import aiohttp
import msgspec

from depot_sim.adapters.http.secrets import Secrets
from depot_sim.domain.kernel.address import Address, NotAnAddress, masked_address
from depot_sim.domain.kernel.credentials import Credentials
from depot_sim.domain.kernel.errors import Fault, InvalidInput

# Idle connections go before any usual server closes them (2 s and more): a request that meets a connection just being
# closed fails, and a POST may not be tried again.
_IDLE_SECONDS = 1.5
_NOTHING_UNASKED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class _Partner(NamedTuple):
    scheme: str
    authority: str
    credentials: bytes


class HttpSessions:
    """Opens sessions when they are first asked for, inside the event loop. Closed, it opens no more."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._sessions: dict[_Partner, aiohttp.ClientSession] = {}
        self._closed = False

    def of(self, url: str, credentials: Credentials) -> aiohttp.ClientSession:
        """Raises InvalidInput for a URL or certificate files that cannot be used, and once it is closed."""
        partner = _partner(url, credentials)
        session = self._sessions.get(partner)
        if session is None:
            if self._closed:
                raise InvalidInput(
                    [Fault("", "a service that is stopping", "one that runs")], "the service is stopping"
                )
            session = self._sessions[partner] = _open(_tls(credentials, self._secrets))
        return session

    async def close(self) -> None:
        self._closed = True
        sessions = list(self._sessions.values())
        self._sessions.clear()
        for session in sessions:
            await session.close()


def _partner(url: str, credentials: Credentials) -> _Partner:
    """Logs written by older versions may hold addresses that are refused today."""
    try:
        address = Address.parse(url)
    except NotAnAddress as error:
        found = masked_address(url[:200])
        raise InvalidInput(
            [Fault("", repr(found), error.expected)], f"no usable address: found {found!r}; expected {error.expected}"
        ) from None
    return _Partner(address.scheme, address.authority, msgspec.json.encode(credentials))


def _open(tls: ssl.SSLContext | bool) -> aiohttp.ClientSession:
    """A message never waits for another one; cookies are not stored."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_SECONDS, ssl=tls),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=_NOTHING_UNASKED,
    )


def _tls(credentials: Credentials, secrets: Secrets) -> ssl.SSLContext | bool:
    """Servers are always verified; against `authority` instead of the system's where there is one."""
    if not (credentials.certificate or credentials.authority):
        return True
    authority, certificate, key = (
        secrets.path(name) if name else None
        for name in (credentials.authority, credentials.certificate, credentials.key)
    )
    try:
        context = ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise _unusable("/authority", credentials.authority, error) from None
    if certificate is not None:
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except OSError as error:
            named = f"{credentials.certificate} with the key {credentials.key or 'in it'}"
            raise _unusable("/certificate", named, error) from None
    return context


def _no_password() -> str:
    """Else OpenSSL would ask for one at the terminal."""
    return ""


def _unusable(pointer: str, named: str, error: OSError) -> InvalidInput:
    reason = "not as PEM files have to be" if isinstance(error, ssl.SSLError) else error.strerror
    expected = "PEM files that the service can read, keys without a passphrase"
    return InvalidInput([Fault(pointer, f"{named}: {reason}", expected)], f"cannot use {named} for TLS: {reason}")
