"""Masks by name: which values of headers, addresses and bodies are replaced before they are recorded.

The second line of defence masks by value: `SecretStore.mask` replaces every secret that the service knows, wherever it
stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from hashlib import sha256
from typing import Any, TypeAlias

import msgspec

from depot_sim.domain.kernel.address import masked_address
from depot_sim.domain.kernel.headers import is_secret

Headers: TypeAlias = tuple[tuple[str, str], ...]
MASK = "***"
_says_secret = re.compile(r"token|secret|passw", re.IGNORECASE).search
_NOT_SECRET = frozenset(
    {
        *("idToken", "idTokenInfo", "groupIdToken"),  # ids of OCPP, not credentials
        *("token_type", "tokenType", "token_url", "tokenUrl", "token_endpoint", "tokenEndpoint"),
    }
)
_WORDS = (b"token", b"secret", b"passw", b"\\u00")  # the last one: names may be escaped
_member = re.compile(
    rb"""(?P<name>"[^"]{0,200}?(?:token|secret|passw)[^"]{0,200}?"\s*:\s*)(?P<value>"(?:[^"\\]|\\.)*"?|[^\s,}\]]+)""",
    re.IGNORECASE | re.DOTALL,
)
_form_field = re.compile(
    rb"(?P<name>(?:^|[&\s])[A-Za-z0-9_.-]{0,100}?(?:token|secret|passw)[A-Za-z0-9_.-]{0,100}?=)(?P<value>[^&\s\"]+)",
    re.IGNORECASE,
)
_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


def masked(headers: Iterable[tuple[str, str]], also: Iterable[str] = ()) -> Headers:
    """The headers with secret values masked; the scheme of an Authorization stays. `also` names further secret ones."""
    hidden = frozenset([name.lower() for name in also])
    return tuple(
        [
            (name, masked_value(value)) if is_secret(name) or (hidden and name.lower() in hidden) else (name, value)
            for name, value in headers
        ]
    )


def masked_value(value: str) -> str:
    """What is recorded of a header's secret value."""
    scheme, separator, _ = value.partition(" ")
    return f"{scheme} {MASK}" if separator and scheme.isalnum() and len(scheme) <= 10 else MASK


def masked_by_value(headers: Headers, mask: Callable[[str], str]) -> Headers:
    """The headers with every secret that `mask` knows masked in their values."""
    values = "\n".join([value for _, value in headers])
    return headers if mask(values) is values else tuple([(name, mask(value)) for name, value in headers])


def masked_id(text: str, mask: Callable[[str], str]) -> str:
    """An id without the secrets that `mask` knows. A digest keeps ids apart in which different secrets are masked."""
    shown = mask(text)
    return text if shown is text else f"{shown}~{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def masked_bytes(body: bytes, mask: Callable[[str], str]) -> bytes:
    """The body with every secret that `mask` knows masked; the same object when there is none in it."""
    text = body.decode("utf-8", "surrogateescape")
    shown = mask(text)
    return body if shown is text else shown.encode("utf-8", "surrogateescape")


def masked_members(body: bytes) -> bytes:
    """A body without the values of members whose name says token, secret or password, and without secrets in addresses.

    JSON is masked by its structure, with all that such a member holds; any other text by what looks like a member of
    JSON or a field of a form.
    """
    if b"@" in body or b"?" in body:
        body = masked_bytes(body, masked_address)
    lower = body.lower()
    if not any(word in lower for word in _WORDS):
        return body
    try:
        document = _decode(body)
        shown = without_secrets(document)
        return body if shown == document else _encode(shown)
    except (ValueError, RecursionError):
        return _form_field.sub(rb"\g<name>***", _member.sub(_masked_member, body))


def without_secrets(value: Any) -> Any:
    """Of the values of a JSON document."""
    match value:
        case dict():
            return {name: MASK if _is_secret(name) else without_secrets(held) for name, held in value.items()}
        case list():
            return [without_secrets(held) for held in value]
    return value


def _is_secret(name: str) -> bool:
    return _says_secret(name) is not None and name not in _NOT_SECRET


def _masked_member(match: re.Match[bytes]) -> bytes:
    name = match["name"].partition(b'"')[2].rpartition(b'"')[0].decode("utf-8", "replace")
    return match["name"] + b'"***"' if _is_secret(name) else match[0]
