"""YAML reads as plain data, strictly, and every fault has its line and column."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.adapters.configuration_import.limits import MOST_VALUES
from depot_sim.adapters.configuration_import.yaml_text import DEEPEST, parse_yaml, places
from depot_sim.domain.kernel.errors import Fault, InvalidInput


def only_fault(text: str) -> Fault:
    with pytest.raises(InvalidInput) as refused:
        parse_yaml(text)
    (fault,) = refused.value.faults
    return fault


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        ("a: 05:30", {"a": "05:30"}),
        ("a: 12:30:45", {"a": "12:30:45"}),
        ("a: no", {"a": "no"}),
        ("a: 2026-03-02", {"a": "2026-03-02"}),
        ("a: 80 %", {"a": "80 %"}),
        ("a: '1'", {"a": "1"}),
        ("a: !!str 1", {"a": "1"}),
        ("a: 010", {"a": 10}),
        ("a: -1.5e3", {"a": -1500.0}),
        ("a: .inf", {"a": float("inf")}),
        ("a: " + "9" * 101, {"a": 1e101}),
        ("a:", {"a": None}),
        ("a: ~", {"a": None}),
        ("a: [true, False, null]", {"a": [True, False, None]}),
        ("1: x", {"1": "x"}),
        ("a: &name x", {"a": "x"}),
        ("- {a: {b: []}}\n- c", [{"a": {"b": []}}, "c"]),
        ("just text", "just text"),
        ("", None),
    ],
)
def test_plain_data_is_read(text: str, value: object) -> None:
    assert parse_yaml(text) == value


@pytest.mark.parametrize(
    ("text", "pointer", "found", "line", "column"),
    [
        ("a: 1\nb: 2\na: 3", "/a", 'the field "a" a second time', 3, 1),
        ("x:\n  - {c: 1, c: 2}", "/x/0/c", 'the field "c" a second time', 2, 12),
        ("a: &x [1]\nb: *x", "/b", "the alias *x", 2, 4),
        ("a: !!python/object/apply:os.system [ls]", "/a", "the tag", 1, 4),
        ("a: !secret x", "/a", 'the tag "!secret"', 1, 4),
        ("? [a, b]\n: 1", "/", "a list or an object as the name of a field", 1, 3),
        ("a: 1\n---\nb: 2", "", "a second document", 2, 1),
        ("a: ]", "", "malformed YAML", 1, 4),
        ("a: 1\n b: 2", "", "malformed YAML", 2, 3),
        ("a: \x07", "", "text that YAML does not allow", 0, 0),
    ],
)
def test_anything_else_is_refused_at_its_line_and_column(
    text: str, pointer: str, found: str, line: int, column: int
) -> None:
    fault = only_fault(text)

    assert fault.found.startswith(found)
    assert (fault.pointer, fault.line, fault.column) == (pointer, line, column)


def test_an_expansion_bomb_does_not_go_off() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )

    with pytest.raises(InvalidInput) as refused:
        parse_yaml(bomb)
    assert all("alias" in fault.found for fault in refused.value.faults)


@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_deep_nesting_is_a_fault(opening: str) -> None:
    assert only_fault(opening * 5_000).found == f"more than {DEEPEST} levels"


def test_a_text_of_too_many_values_is_refused() -> None:
    assert only_fault("[" + "1, " * MOST_VALUES + "1]").found == "one value too many"


def test_values_are_found_by_their_pointers() -> None:
    text = "nodes:\n  - id: a\n    limit: 5 kW\n  - {id: b,   limit: 6 kW}\na/b: x\n"
    found = places(text, ["/nodes/0/limit", "/nodes/1", "/nodes/1/limit", "/a~1b", "/missing", ""])

    assert found == {
        "": (1, 1),
        "/nodes/0/limit": (3, 12),
        "/nodes/1": (4, 5),
        "/nodes/1/limit": (4, 22),
        "/a~1b": (5, 6),
    }


printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=10)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(-1e9, 1e9).map(lambda x: round(x, 3))
    | printable,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(printable, inner, max_size=4),
    max_leaves=15,
)


@given(json_values, st.sampled_from([None, 2]))
def test_json_is_read_as_the_same_values(value: Any, indent: int | None) -> None:
    assert parse_yaml(json.dumps(value, indent=indent)) == value


@given(st.text(max_size=60) | st.text("ab:- [{}]*&!'\"\n", max_size=60))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        parse_yaml(text)
