"""How requests between us and a partner are proven: the scheme, and secrets by reference only."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Authorization(StrEnum):
    """The scheme of the Authorization header, in both directions."""

    NONE = "none"
    TOKEN = "token"  # noqa: S105 - a word of the profile, no secret
    BEARER = "bearer"
    OAUTH2 = "oauth2"


class SecretReference(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where a secret is kept: `env:NAME`, `file:PATH`, or `kept:NAME` for what the service was given by a partner."""

    secret: str


class Credentials(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How requests are proven in both directions; secrets by reference only.

    `inbound` is the token the partner must show. `outbound` is the one shown to it, or, with `token_url`, the client
    secret for OAuth2 client credentials. `headers` are sent with every request, to the token endpoint as well.
    `certificate`, `key` and `authority` are files for mutual TLS.
    """

    inbound: SecretReference | None = None
    outbound: SecretReference | None = None
    token_url: str = ""
    client_id: str = ""
    scope: str = ""
    headers: dict[str, str | SecretReference] = {}
    certificate: str = ""
    key: str = ""
    authority: str = ""
