"""What of a Register's body may be recorded."""

from __future__ import annotations

import pytest

from domain.oscp.masking import masked_body
from domain.oscp.vocabulary import MessageType


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'{"token":"abc","version_url":[]}', b'{"token":"***","version_url":[]}'),
        (b'{"Token":"abc","n":1.50}', b'{"Token":"***","n":1.50}'),
        (b'{"inner":[{"refresh_token":["abc"]}]}', b'{"inner":[{"refresh_token":"***"}]}'),
        (b'{"token":"a","token":"abc"}', b'{"token":"***"}'),
        (b'{"token":"abc', b"(13 bytes that may hold a token)"),
        (b'"abc"', b"(5 bytes that may hold a token)"),
        (b"[" * 100_000, b"(100000 bytes that may hold a token)"),
        (b"", b""),
    ],
)
def test_a_register_is_recorded_without_its_token(body: bytes, kept: bytes) -> None:
    assert masked_body(MessageType.REGISTER, body) == kept


def test_other_messages_are_recorded_as_they_are() -> None:
    assert masked_body(MessageType.HEARTBEAT, b'{"token":"abc') == b'{"token":"abc'
