"""What of a message's body may be recorded."""

from __future__ import annotations

import msgspec

from depot_sim.domain.kernel.masking import masked_members
from depot_sim.domain.oscp.vocabulary import MessageType

_decode = msgspec.json.Decoder(msgspec.Raw).decode


def masked_body(type: MessageType, body: bytes) -> bytes:
    """The body without the values of members whose name says token, secret or password.

    A Register whose body is no JSON object, or a part of one, may hold the token anywhere: nothing of it is left.
    """
    if type is not MessageType.REGISTER or not body or _is_object(body):
        return masked_members(body)
    return f"({len(body)} bytes that may hold a token)".encode()


def _is_object(body: bytes) -> bool:
    try:
        return bytes(_decode(body)).lstrip().startswith(b"{")
    except (ValueError, RecursionError):
        return False
