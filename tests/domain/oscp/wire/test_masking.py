"""No secret reaches the log."""

from __future__ import annotations

import pytest

from depot_sim.domain.kernel.masking import MASK, masked


@pytest.mark.parametrize(
    "name",
    [
        *("Authorization", "authorization", "X-API-Key", "Cookie", "set-cookie", "Proxy-Authorization"),
        *("X-Auth", "X-Functions-Key", "X-Api-Token", "X-Session-Token", "apikey", "X-Signature", "X-Password"),
        *("Ocp-Apim-Subscription-Key", "X-Client-Secret", "X-Hub-Signature-256", "X-Amz-Security-Token"),
        *("X-Pwd", "passwd", "X-Passphrase", "X-JWT", "X-Bearer", "X-Credential", "api-key", "X-HMAC-SHA256"),
        *("X-Pass", "X-Sig", "code"),
    ],
)
def test_secret_headers_are_hidden_in_whatever_case(name: str) -> None:
    assert masked([(name, "s3cr3t")]) == ((name, MASK),)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Token s3cr3t", f"Token {MASK}"),
        ("Bearer a.b.c", f"Bearer {MASK}"),
        ("s3cr3t", MASK),
        ("s3-cr3t and more", MASK),
        ("averylongsecret word", MASK),
        ("", MASK),
    ],
)
def test_of_an_authorization_the_scheme_stays(value: str, shown: str) -> None:
    assert masked([("authorization", value)]) == (("authorization", shown),)


def test_other_headers_stay_as_they_are_and_in_order() -> None:
    headers = (
        *(("x-request-id", "1"), ("x-request-id", "2"), ("content-type", "application/json")),
        *(("Idempotency-Key", "k"), ("Sec-WebSocket-Key", "n"), ("WWW-Authenticate", "Bearer")),
        *(("X-Status-Code", "7"), ("X-Bypass", "no"), ("X-Design", "d")),
    )
    assert masked(headers) == headers


def test_further_headers_can_be_named() -> None:
    assert masked([("X-Ours", "s3cr3t"), ("x-b", "1")], also=["x-ours"]) == (("X-Ours", MASK), ("x-b", "1"))
