"""Secrets never reach the log: what of a body is replaced before it is recorded."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from domain.masking import MASK
from domain.oscp.vocabulary import MessageType

_TOKEN = "token"  # noqa: S105 - a name, no secret
_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


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
