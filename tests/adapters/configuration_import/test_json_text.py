"""JSON reads strictly, with line and column where it stops being JSON."""

from __future__ import annotations

import pytest

from depot_sim.adapters.configuration_import.json_text import parse_json
from depot_sim.adapters.configuration_import.yaml_text import parse_yaml
from depot_sim.domain.kernel.errors import Fault, InvalidInput


def only_fault(text: str) -> Fault:
    with pytest.raises(InvalidInput) as refused:
        parse_json(text)
    (fault,) = refused.value.faults
    return fault


def test_json_is_read() -> None:
    assert parse_json('{"a": [1, 2.5, null, true, "x"]}') == {"a": [1, 2.5, None, True, "x"]}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "-Infinity"),
        (f'{{"a": {"9" * 101}}}', "a number of 101 digits"),
        ("[" * 100_000, "JSON nested too deep"),
    ],
)
def test_what_json_readers_disagree_on_is_refused(text: str, found: str) -> None:
    assert found in only_fault(text).found


def test_every_field_that_stands_twice_is_named_as_in_yaml() -> None:
    text = '{"a": 1, "x": [{"c": 1, "c": 2, "c": 3}], "a": {"/": 4, "/": 5}}'
    told = {}
    for parse in (parse_json, parse_yaml):
        with pytest.raises(InvalidInput) as refused:
            parse(text)
        told[parse] = {(fault.pointer, fault.found, fault.expected) for fault in refused.value.faults}
    assert told[parse_json] == told[parse_yaml]
    assert {pointer for pointer, _, _ in told[parse_json]} == {"/a", "/x/0/c", "/a/~1"}


def test_a_field_of_a_value_that_does_not_count_may_stand_twice() -> None:
    """Only the last of two values is left, and the field itself is a fault already."""
    assert only_fault('{"a": {"b": 1, "b": 2}, "a": 3}').pointer == "/a"


def test_a_syntax_fault_has_line_and_column() -> None:
    fault = only_fault('{"a": 1,\n "b" 2}')

    assert (fault.line, fault.column) == (2, 6)
    assert fault.found.startswith("malformed JSON")
