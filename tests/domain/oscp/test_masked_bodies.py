"""What of a Register's body may be recorded."""

from __future__ import annotations

import pytest

from depot_sim.domain.oscp.vocabulary import MessageType
from depot_sim.domain.oscp.wire.masking import masked_body


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


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'{"token":"abc', b'{"token":"***"'),
        (b'{"a": {"clientSecret": {"value": "abc"}}, "n": 1.50}', b'{"a":{"clientSecret":"***"},"n":1.50}'),
        (b'{"t\\u006fken": "abc"}', b'{"token":"***"}'),
        (b'{"Password": 12345678, oops', b'{"Password": "***", oops'),
        (b"grant_type=x&client_secret=abc&scope=y", b"grant_type=x&client_secret=***&scope=y"),
        (b'{ "key": "SOC", "session_id": "s" }', b'{ "key": "SOC", "session_id": "s" }'),
        (b'{"idToken": "1234", "token_type": "bearer"}', b'{"idToken": "1234", "token_type": "bearer"}'),
        (b'{"rule": "says token"}', b'{"rule": "says token"}'),
        (b'{"a": "//x", "b": "c@d", "c": "what?"}', b'{"a": "//x", "b": "c@d", "c": "what?"}'),
        (b'{"u": "http:\\/\\/bob:abc@h\\/"}', b'{"u": "http:\\/\\/***@h\\/"}'),
        (b'{"base_url": "http://bob:abc@h/?a=1&sig=abc"}', b'{"base_url": "http://***@h/?a=1&sig=***"}'),
    ],
)
def test_other_bodies_lose_only_members_that_say_token_secret_or_password(body: bytes, kept: bytes) -> None:
    assert masked_body(MessageType.HEARTBEAT, body) == kept


def test_a_body_of_any_depth_is_masked() -> None:
    nested = b'{"a":' * 900 + b'{"token":"abc"}' + b"}" * 900
    assert b"abc" not in masked_body(MessageType.HEARTBEAT, nested)
