"""How requests between the service and a partner are authenticated: the scheme, and references to secrets."""

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
    """Names a secret that the service has; `depot_sim.domain.kernel.secret_references` lists the forms."""

    secret: str


class Credentials(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How requests are authenticated in both directions; secrets by reference only.

    `inbound` is the token the partner must send. `outbound` is the one sent to it, or, with `token_url`, the client
    secret for OAuth2 client credentials. `headers` are sent with every request, to the token endpoint as well; a value
    is a reference, or a text for the names that headers.py lists as LITERAL. `certificate`, `key` and `authority` are
    files for mutual TLS, in the folder of secrets.
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
