"""Names of HTTP headers: which ones credentials and profiles may set, and which ones carry secrets."""

from __future__ import annotations

import re
from functools import lru_cache

from depot_sim.domain.kernel.errors import Fault

LITERAL = frozenset(
    {
        *("accept", "accept-charset", "accept-language", "content-language", "prefer", "user-agent"),
        *("api-version", "x-api-version", "x-client-id", "x-client-name", "x-client-version"),
        *("x-customer-id", "x-depot", "x-depot-id", "x-environment", "x-fleet", "x-fleet-id", "x-organisation-id"),
        *("x-organization-id", "x-region", "x-site", "x-site-id", "x-source", "x-tenant", "x-tenant-id"),
        *("cp-id", "fp-id", "x-partner-id"),
    }
)
"""Names whose value may be written down. The value of every other header is given as a reference to a secret."""

_SET_BY_SERVICE = frozenset(
    {
        *("authorization", "connection", "content-length", "expect", "host", "http2-settings", "keep-alive", "te"),
        *("trailer", "transfer-encoding", "upgrade"),
    }
)
_FRAMING = _SET_BY_SERVICE - {"authorization", "host"}
_AUTHORIZATION = (
    'no Authorization here: name the scheme, in an OSCP session by "profile_changes": {"authorization": "bearer"}, '
    'in a packet feed by "authorization": "bearer", and the secret by "credentials": {"outbound": {"secret": "NAME"}}'
)
_is_name = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}").fullmatch
_is_value = re.compile(r"[\x20-\x7e\t]{0,2000}").fullmatch
_names_secret = re.compile(
    "token|key|secret|auth|signature|session|passw|passphrase|pwd|cookie|credential|jwt|bearer|hmac", re.IGNORECASE
).search
_SECRET_AS_A_WHOLE = frozenset({"code", "sig", "pass"})
"""Names that say too little to be looked for within others; X- may stand before them."""
_HARMLESS = frozenset(
    {
        *("idempotency-key", "x-idempotency-key", "surrogate-key", "x-cache-key", "x-partition-key"),
        *("sec-websocket-key", "www-authenticate", "proxy-authenticate", "x-author", "author", "authority"),
    }
)
_NAMES_KEPT = 2_048


@lru_cache(_NAMES_KEPT)
def is_secret(name: str) -> bool:
    """Whether the value of a header or query parameter of this name is masked before it is recorded."""
    lower = name.lower()
    if lower.removeprefix("x-") in _SECRET_AS_A_WHOLE:
        return True
    return _names_secret(name) is not None and lower not in _HARMLESS


def name_fault(name: str, pointer: str) -> Fault | None:
    """Why credentials or a profile may not set this header; None when they may."""
    if not _is_name(name):
        return Fault(pointer, repr(name[:100]), "the name of a header: letters, digits and !#$%&'*+.^_`|~-")
    if name.lower() == "authorization":
        return Fault(pointer, name, _AUTHORIZATION)
    if name.lower() in _SET_BY_SERVICE or name.lower().startswith("proxy-"):
        return Fault(pointer, name, "a header that the service does not set itself; leave this one out")
    return None


def literal_fault(name: str, value: str, pointer: str) -> Fault | None:
    """Why this text cannot be the value of the header; None when it can. The fault does not repeat the text."""
    if name.lower() not in LITERAL:
        return Fault(pointer, "a text", f'a reference, such as {{"secret": "NAME"}}; a text only for {_listed()}')
    if not _is_value(value):
        return Fault(pointer, "a text with other characters", "at most 2,000 printable ASCII characters")
    return None


def framing_fault(name: str, pointer: str) -> Fault | None:
    """Why a message may not be sent with this header: the HTTP client frames the body by it. None when it may."""
    if name.lower() in _FRAMING or name.lower().startswith("proxy-"):
        return Fault(pointer, name, "a header that does not frame the request; leave this one out")
    return None


def _listed() -> str:
    return ", ".join(sorted(LITERAL))
