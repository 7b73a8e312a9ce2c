"""JSON pointers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.interaction.message import NOTHING
from depot_sim.domain.interaction.pointers import edited, is_pointer, resolve, tokens_of
from depot_sim.domain.kernel.pointer import child

DOCUMENT = {"a": [{"b": 1}, {"b": None}], "": 2, "x/y": 3, "m~n": 4}


@pytest.mark.parametrize(
    ("pointer", "found"),
    [("", DOCUMENT), ("/a/0/b", 1), ("/a/1/b", None), ("/", 2), ("/x~1y", 3), ("/m~0n", 4)],
)
def test_a_pointer_finds_its_place(pointer: str, found: Any) -> None:
    assert resolve(DOCUMENT, pointer) == found


@pytest.mark.parametrize("pointer", ["/b", "/a/2", "/a/-1", "/a/00", "/a/x", "/a/0/b/c", "/a/-", "/a/²"])
def test_a_pointer_that_leads_nowhere_finds_nothing(pointer: str) -> None:
    assert resolve(DOCUMENT, pointer) is NOTHING


@pytest.mark.parametrize("text", ["a", "a/b", "/~", "/~2", "#/a"])
def test_what_is_no_pointer_is_known(text: str) -> None:
    assert not is_pointer(text)


@given(st.lists(st.text()))
def test_every_token_can_be_written_and_read(tokens: list[str]) -> None:
    pointer = ""
    for token in tokens:
        pointer = child(pointer, token)

    assert is_pointer(pointer)
    assert tokens_of(pointer) == tokens


def test_an_edit_changes_every_element_a_star_stands_for_and_nothing_else() -> None:
    changed = edited(DOCUMENT, ["a", "*", "b"], lambda value: (value or 0) + 1)

    assert changed == {**DOCUMENT, "a": [{"b": 2}, {"b": 1}]}
    assert DOCUMENT["a"] == [{"b": 1}, {"b": None}]


def test_what_is_changed_into_nothing_is_taken_out() -> None:
    assert edited(DOCUMENT, ["a", "0"], lambda _: NOTHING)["a"] == [{"b": None}]
    assert "x/y" not in edited(DOCUMENT, ["x/y"], lambda _: NOTHING)


def test_an_edit_that_leads_nowhere_changes_nothing() -> None:
    assert edited(DOCUMENT, ["a", "7", "b"], lambda _: 0) == DOCUMENT
    assert edited(DOCUMENT, ["z"], lambda _: 0) == DOCUMENT
