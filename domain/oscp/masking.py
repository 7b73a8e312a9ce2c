"""Secrets never reach the log: which headers' values, and what of a body, is replaced before it is recorded."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from domain.oscp.vocabulary import MessageType

MASK = "***"
_SECRET = frozenset(
    {
        *("authorization", "proxy-authorization", "cookie", "set-cookie"),
        *("apikey", "api-key", "x-api-key", "x-access-token", "x-auth-token"),
    }
)

_TOKEN = "token"  # noqa: S105 - a name, no secret
_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


def masked(headers: Iterable[tuple[str, str]], also: Iterable[str] = ()) -> tuple[tuple[str, str], ...]:
    """The headers with secret values hidden; of an Authorization the scheme stays. `also` names further secret ones."""
    hidden = _SECRET.union(name.lower() for name in also) if also else _SECRET
    return tuple([(name, _hidden(value)) if name.lower() in hidden else (name, value) for name, value in headers])


def masked_body(type: MessageType, body: bytes) -> bytes:
    """The body as it may be recorded: of a Register, without its token.

    One that is no JSON object, or a part of one, may hold the token anywhere: nothing of it is left.
    """
    if type is not MessageType.REGISTER or not body:
        return body
    try:
        document = _decode(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return f"({len(body)} bytes that may hold a token)".encode()
    return _encode(_without_tokens(document))


def _without_tokens(value: object) -> object:
    match value:
        case dict():
            return {
                name: MASK if _TOKEN in name.casefold() else _without_tokens(inner) for name, inner in value.items()
            }
        case list():
            return [_without_tokens(inner) for inner in value]
    return value


def _hidden(value: str) -> str:
    scheme, separator, _ = value.partition(" ")
    return f"{scheme} {MASK}" if separator and scheme.isalnum() and len(scheme) <= 10 else MASK
