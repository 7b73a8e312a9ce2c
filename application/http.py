"""Requests to partners over HTTP, and the secrets that prove them: the ports."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from domain.credentials import Authorization, Credentials, SecretReference

Headers = tuple[tuple[str, str], ...]


class Outgoing(NamedTuple):
    """One HTTP request to a partner. `credentials` are added on the way, so that no secret is ever in `headers`."""

    method: str
    url: str
    headers: Headers
    body: bytes
    authorization: Authorization
    credentials: Credentials
    connect_timeout_ms: int
    request_timeout_ms: int


class Posted(NamedTuple):
    """The partner's answer; with status 0 there is none and `error` says why. `headers` are as sent, secrets masked."""

    status: int
    headers: Headers = ()
    answer_headers: Headers = ()
    body: str = ""
    latency_us: int = 0
    error: str = ""


class Partner(Protocol):
    """The HTTP side of every partner. Never raises for what a partner or a network does."""

    async def post(self, outgoing: Outgoing) -> Posted: ...


class SecretStore(Protocol):
    """Secrets by reference. Raises InvalidInput for a reference that leads nowhere."""

    def get(self, reference: SecretReference) -> str: ...

    def keep(self, name: str, secret: str) -> SecretReference:
        """Keep a secret beside the log, never in it."""

    def new_token(self) -> str:
        """48 random bytes, base64url."""
