"""Who may call the protocol routes: an OAuth2 token issuer of its own, and fixed authorizations."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec import Struct

_LIFETIME_SECONDS = 3600


class Client(Struct, frozen=True):
    """Credentials of the one OAuth2 client that is known."""

    id: str
    secret: str


class IssuedToken(Struct, frozen=True):
    """The answer of the token endpoint (RFC 6749 section 5.1)."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the type's name
    expires_in: int = _LIFETIME_SECONDS


@dataclass
class Gatekeeper:
    """With neither a client nor fixed authorizations everybody may pass."""

    client: Client | None = None
    authorizations: Sequence[str] = ()
    _issued: set[str] = field(default_factory=set)

    def issue(self, client_id: str, client_secret: str) -> IssuedToken | None:
        """A token, or None for credentials that are not the client's."""
        if not self.client or not _same(f"{client_id}:{client_secret}", f"{self.client.id}:{self.client.secret}"):
            return None
        token = IssuedToken(secrets.token_urlsafe(32))
        self._issued.add(f"Bearer {token.access_token}")
        return token

    def revoke_all(self) -> int:
        """Every token issued so far is void; how many there were."""
        count = len(self._issued)
        self._issued.clear()
        return count

    @property
    def asks_authorization(self) -> bool:
        """Whether messages need an authorization at all."""
        return self.client is not None or bool(self.authorizations)

    def lets_pass(self, authorization: str | None) -> bool:
        if not self.asks_authorization:
            return True
        known = (*self._issued, *self.authorizations)
        return authorization is not None and any(_same(authorization, one) for one in known)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
