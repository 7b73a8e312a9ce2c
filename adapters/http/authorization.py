"""How a request to a partner is proven: the headers that its profile and its credentials add."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from depot_sim.adapters.http.network_faults import Patience
from depot_sim.adapters.http.oauth2 import TokenCache, fetch_token
from depot_sim.adapters.http.secrets import Secrets
from depot_sim.adapters.http.sessions import HttpSessions
from depot_sim.application.http import Headers, Outgoing
from depot_sim.domain.kernel.credential_problems import header_faults
from depot_sim.domain.kernel.credentials import Authorization, Credentials, SecretReference
from depot_sim.domain.kernel.errors import Fault, InvalidInput

AUTHORIZATION = "Authorization"


class Authorizer:
    """Adds static headers and Authorization. A header that the request brings along by itself is left as it is."""

    def __init__(
        self, secrets: Secrets, sessions: HttpSessions, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._secrets = secrets
        self._sessions = sessions
        self._tokens = TokenCache(monotonic)

    async def headers(self, outgoing: Outgoing, refused: Headers = ()) -> Headers:
        """All headers of the request. `refused` are those it was answered 401 with: an OAuth2 token is renewed then.

        Raises InvalidInput for a secret that cannot be had and for a header that may not be set, NoToken when the token
        endpoint gives none.
        """
        static = self._static(outgoing.credentials)
        own = {name.lower() for name, _ in outgoing.headers}
        added = (*static, *(() if AUTHORIZATION.lower() in own else await self._proof(outgoing, static, refused)))
        return (*outgoing.headers, *(header for header in added if header[0].lower() not in own))

    async def close(self) -> None:
        await self._tokens.close()

    def _static(self, credentials: Credentials) -> Headers:
        return tuple((name, self._value(name, value)) for name, value in credentials.headers.items())

    def _value(self, name: str, value: str | SecretReference) -> str:
        """Logs written by older versions may hold headers that are refused today."""
        for fault in header_faults(name, value, f"/credentials/headers/{name}"):
            raise InvalidInput([fault], str(fault))
        return self._secrets.get(value) if isinstance(value, SecretReference) else value

    async def _proof(self, outgoing: Outgoing, static: Headers, refused: Headers) -> Headers:
        match outgoing.authorization:
            case Authorization.NONE:
                return ()
            case Authorization.TOKEN:
                return ((AUTHORIZATION, f"Token {self._secret(outgoing.credentials)}"),)
            case Authorization.BEARER:
                return ((AUTHORIZATION, f"Bearer {self._secret(outgoing.credentials)}"),)
            case Authorization.OAUTH2:
                token = await self._token(outgoing, static, bearer_of(refused))
                self._secrets.learn(token)
                return ((AUTHORIZATION, f"Bearer {token}"),)

    def _secret(self, credentials: Credentials) -> str:
        if credentials.outbound is None:
            raise InvalidInput([Fault("/outbound", "nothing", "a reference to a secret")], "there is no token to send")
        return self._secrets.get(credentials.outbound)

    async def _token(self, outgoing: Outgoing, static: Headers, refused: str) -> str:
        credentials = outgoing.credentials
        http = self._sessions.of(credentials.token_url, credentials)
        patience = Patience(outgoing.connect_timeout_ms, outgoing.request_timeout_ms)
        key = msgspec.json.encode(credentials)
        fetch = lambda: fetch_token(http, credentials, static, self._secrets, patience)  # noqa: E731
        return await self._tokens.get(key, fetch, refused)


def bearer_of(headers: Headers) -> str:
    """The token that a request showed."""
    shown = next((value for name, value in headers if name == AUTHORIZATION), "")
    return shown.removeprefix("Bearer ")


def secret_header_names(credentials: Credentials) -> list[str]:
    """Static headers whose values are secrets."""
    return [name for name, value in credentials.headers.items() if isinstance(value, SecretReference)]
