"""Known secrets are masked wherever they stand in a text, and in every encoding that HTTP uses."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.http.known_secrets import KnownSecrets

AWKWARD = 'p"a\\ß/?+&=ö secret'
SECRETS = ("hunter2!", "15-characters--", "a-token-of-48-random-bytes-is-sixty-four-characters-long-in-base", AWKWARD)


def known(*values: str) -> KnownSecrets:
    secrets = KnownSecrets()
    for value in values:
        secrets.add(value)
    return secrets


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("before", range(9))
def test_a_secret_is_masked_wherever_it_stands(secret: str, before: int) -> None:
    mask = known(*SECRETS).mask
    around = ("é{" * before, "} and more")
    assert mask(secret.join(around)) == "***".join(around)


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_masked_in_every_encoding(secret: str) -> None:
    mask = known(*SECRETS).mask
    data = secret.encode()
    for encoded in (
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        quote(secret, safe="").lower() if secret.islower() else quote_plus(secret),
        json.dumps(secret),
        secret.encode().decode("latin-1"),
        secret.encode("latin-1").decode("utf-8", "backslashreplace"),
        json.dumps(json.dumps(secret, ensure_ascii=False), ensure_ascii=False),
    ):
        assert encoded.strip('"\\') not in mask(f"a {encoded} b")
    for user in ("", "u:", "us:", "use:"):
        for encode in (b64encode, urlsafe_b64encode):
            basic = encode(user.encode() + data).decode()
            masked = mask(f"Basic {basic}")
            assert "***" in masked
            assert len(masked) <= len(user) * 4 // 3 + len("Basic ***") + 6
    assert "***" in mask(b64encode(f"client:{quote_plus(secret)}".encode()).decode())


def test_values_under_8_characters_are_not_masked() -> None:
    """They would mask ordinary text."""
    assert known("online", "1234567").mask("online at 1234567") == "online at 1234567"


def test_a_text_without_a_secret_is_the_same_object() -> None:
    text = "x" * 100
    assert KnownSecrets().mask(text) is text
    assert known(*SECRETS).mask(text) is text


def test_the_number_of_values_is_bounded_and_the_oldest_is_forgotten() -> None:
    secrets = KnownSecrets(most=2)
    for value in ("value-number-1", "value-number-2", "value-number-3"):
        secrets.add(value)
    assert [secrets.mask(f"value-number-{n}") for n in (1, 2, 3)] == ["value-number-1", "***", "***"]
    secrets.add("value-number-1")
    assert secrets.mask("value-number-1") == "***"


def test_a_form_of_two_values_stays_known_with_the_second() -> None:
    secrets = KnownSecrets(most=1)
    secrets.add("percent%20sign")
    secrets.add("percent sign")
    assert secrets.mask("percent%20sign") == "***"


@given(st.text(min_size=8, max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_any_text_of_8_characters_is_masked(secret: str, before: str, behind: str) -> None:
    masked = known(secret).mask(before + secret + behind)
    assert masked == (before + secret + behind).replace(secret, "***") or secret not in masked
