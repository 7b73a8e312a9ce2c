"""Known secrets are masked wherever they stand in a text, and in every encoding that HTTP uses."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from html import escape
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.adapters.http.known_secrets import KnownSecrets

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


def as_json(secret: str, *characters: str) -> str:
    """JSON of a library that escapes these characters as well."""
    text = json.dumps(secret)[1:-1]
    for character in characters:
        text = text.replace(character, f"\\u{ord(character):04X}")
    return text


ENCODINGS: dict[str, Callable[[str], str]] = {
    "PHP": lambda one: json.dumps(one)[1:-1].replace("/", "\\/"),
    ".NET": lambda one: as_json(one, "+", "'", "<", ">", "&", "`"),
    "Gson": lambda one: as_json(one, "=", "'", "<", ">", "&").replace("\\u003D", "\\u003d"),
    "every character": lambda one: one.encode("utf-16-be").hex("u", 2).join(("u", "")).replace("u", "\\u"),
    "encodeURIComponent": lambda one: quote(one, safe="!'()*~"),
    "encodeURI": lambda one: quote(one, safe=";,/?:@&=+$!'()*~#"),
    "URLEncoder": lambda one: quote_plus(one, safe="*").replace("~", "%7E"),
    "every byte": lambda one: "".join(f"%{byte:02x}" for byte in one.encode()),
    "HTML": escape,
    "HTML by number": lambda one: "".join(f"&#{ord(character)};" for character in one),
    "HTML by hexadecimal number": lambda one: "".join(f"&#x{ord(character):X};" for character in one),
    "JSON in JSON": lambda one: json.dumps(json.dumps(one))[1:-1],
    "PHP in .NET in a query": lambda one: quote(as_json(as_json(one).replace("/", "\\/"), "+"), safe=""),
    "base64 in a query": lambda one: quote(b64encode(one.encode()), safe=""),
    "base64 in PHP": lambda one: b64encode(one.encode()).decode().replace("/", "\\/"),
    "base64 twice": lambda one: b64encode(b64encode(one.encode())).decode(),
    "hexadecimal": lambda one: one.encode().hex(),
    "hexadecimal in capitals": lambda one: one.encode().hex().upper(),
    "repr": lambda one: repr(one)[1:-1],
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "secret",
    [*SECRETS, "Sup3r/Secret+Value=1", "pa(ss)w'rd!1~x*&<z", "a%2Fb%41&amp;\\u0041\\n-c", "passwörd-ünïcode-1"],
)
def test_a_secret_is_masked_however_a_library_escapes_it(secret: str, encoding: str) -> None:
    mask = known(*SECRETS, secret).mask
    encoded = ENCODINGS[encoding](secret)
    for before, behind in (('{"é": "', '"}'), ("a \\u00e9\\\\ %C3%A9 &eacute; ", " and 100% & more"), ("", "")):
        masked = mask(before + encoded + behind)
        assert masked.startswith(before)
        assert masked.endswith(behind)
        assert "***" in masked
        left = masked.removeprefix(before).removesuffix(behind)
        assert len(left.replace("***", "")) <= 8, "the padding of base64, and what it shares with its neighbours"


@pytest.mark.parametrize(
    "escaped", ["%46%C3%BC%72", "\\u0046\\u00fc\\u0072", "\\uD83D\\uDE00", "\\uD83D", "\\x41", "&nosuch;"]
)
def test_escapes_of_other_text_stay_as_they_are(escaped: str) -> None:
    mask = known(*SECRETS).mask
    assert mask(escaped) == escaped
    assert mask(f"{escaped}hunter2!{escaped}") == f"{escaped}***{escaped}"


def test_escapes_that_are_cut_or_wrong_stay_as_they_are() -> None:
    text = "100% %4 %zz \\u12 \\q & &amp &#; \\"
    assert known(*SECRETS).mask(text) is text


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


SECRET_TEXT = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=8, max_size=20)


@given(SECRET_TEXT, st.text(max_size=20), st.sampled_from(sorted(ENCODINGS)))
def test_any_text_is_masked_in_any_encoding(secret: str, around: str, encoding: str) -> None:
    encoded = ENCODINGS[encoding](secret)
    assert encoded not in known(secret).mask(f"{around} {encoded} {around}")


def test_a_secret_is_masked_behind_many_backslashes() -> None:
    for count in range(40):
        assert known(*SECRETS).mask("\\" * count + r"hunter\u0032!") == "\\" * count + "***" or count % 2
