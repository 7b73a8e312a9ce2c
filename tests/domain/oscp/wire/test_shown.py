"""Foreign values in findings."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.oscp.wire.shown import child, quoted, shown


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "true"),
        (3, "3"),
        (Decimal("1.50"), "1.50"),
        ("kw", '"kw"'),
        ([1, 2], "a list of 2"),
        ({}, "an object"),
        (10**80, "a number of more than 60 digits"),
    ],
)
def test_a_value_is_shown_in_a_few_words(value: object, words: str) -> None:
    assert shown(value) == words


@given(st.text(max_size=200))
def test_foreign_text_is_short_and_printable_wherever_it_is_shown(text: str) -> None:
    for words in (quoted(text), child("", text)):
        assert words.isprintable()
        assert len(words) <= 2 * 61 + 1


def test_a_member_s_pointer_is_escaped_as_rfc_6901_says() -> None:
    assert child("/a", "b/c~d") == "/a/b~1c~0d"
