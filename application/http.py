"""Requests to partners over HTTP, and the secrets that prove them: the ports."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from depot_sim.domain.kernel.credentials import Authorization, Credentials, SecretReference
from depot_sim.domain.kernel.errors import Fault

Headers = tuple[tuple[str, str], ...]
Mask = Callable[[str], str]
"""Masks every known secret in a text; returns the same object when there is none in it."""


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


class HttpResult(NamedTuple):
    """The partner's answer; with status 0 there is none and `error` says why. `headers` are as sent, secrets masked."""

    status: int
    headers: Headers = ()
    answer_headers: Headers = ()
    body: str = ""
    latency_us: int = 0
    error: str = ""


class Partner(Protocol):
    """The HTTP side of every partner. Never raises for what a partner or a network does."""

    async def post(self, outgoing: Outgoing) -> HttpResult: ...


class SecretStore(Protocol):
    """Secrets by reference. Raises InvalidInput for a reference that leads nowhere."""

    def get(self, reference: SecretReference) -> str: ...

    def fault(self, reference: SecretReference, pointer: str) -> Fault | None:
        """Why a request may not name this reference; None when it may."""

    def file_fault(self, name: str, pointer: str) -> Fault | None:
        """Why a request may not name this file of the folder of secrets; None when it may."""

    def keep(self, name: str, secret: str) -> SecretReference:
        """Keep a secret beside the log, never in it."""

    def mask(self, text: str) -> str:
        """The text with every known secret masked; the same object when there is none in it."""

    def new_token(self) -> str:
        """48 random bytes, base64url."""
