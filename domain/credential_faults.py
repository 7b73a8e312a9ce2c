"""What may be wrong with how requests to a partner are proven, before the first one is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator

from domain.credentials import Authorization, Credentials, SecretReference
from domain.errors import Fault

_REFERENCE = re.compile(r"env:\S+|file:.+|kept:[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_URL = re.compile(r"https?://[^\s/?#]+\S*")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_A_SECRET = "env:NAME, file:PATH or kept:NAME"  # noqa: S105 - the form of a reference
_BY_SECRET = frozenset({Authorization.TOKEN, Authorization.BEARER, Authorization.OAUTH2})


def outbound_faults(authorization: Authorization, credentials: Credentials, pointer: str = "") -> Iterator[Fault]:
    """Of requests that we send. Whether a secret is where it is said to be shows when it is needed."""
    at = f"{pointer}/credentials"
    if authorization in _BY_SECRET and credentials.outbound is None:
        yield Fault(f"{at}/outbound", "nothing", f"where the secret is that {authorization.value} needs: {_A_SECRET}")
    if authorization is Authorization.NONE and credentials.outbound is not None:
        yield Fault(f"{pointer}/authorization", "none", "the scheme that shows the secret: token, bearer or oauth2")
    if authorization is Authorization.OAUTH2:
        yield from _of_oauth2(credentials, at)
    if credentials.key and not credentials.certificate:
        yield Fault(f"{at}/certificate", "nothing", "the certificate that the key belongs to")
    yield from _of_secrets(credentials, at)


def _of_oauth2(credentials: Credentials, at: str) -> Iterator[Fault]:
    if not _URL.fullmatch(credentials.token_url):
        yield Fault(f"{at}/token_url", repr(credentials.token_url), "the http or https URL that gives tokens")
    if not credentials.client_id:
        yield Fault(f"{at}/client_id", "nothing", "the id we are known by there")


def _of_secrets(credentials: Credentials, at: str) -> Iterator[Fault]:
    if credentials.outbound is not None and not _leads(credentials.outbound):
        yield Fault(f"{at}/outbound/secret", "no such reference", _A_SECRET)
    for name, value in credentials.headers.items():
        if not _HEADER.fullmatch(name):
            yield Fault(f"{at}/headers", repr(name[:100]), "names that a header may have")
        if isinstance(value, SecretReference) and not _leads(value):
            yield Fault(f"{at}/headers/{name}/secret", "no such reference", _A_SECRET)


def _leads(reference: SecretReference) -> bool:
    return _REFERENCE.fullmatch(reference.secret) is not None
