"""JSON reads strictly, with line and column where it stops being JSON."""

from __future__ import annotations

import pytest

from depot_sim.adapters.configuration_import.json_text import parse_json
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
        ('{"a": 1, "b": 2, "a": 3}', 'the field "a" twice'),
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "-Infinity"),
        (f'{{"a": {"9" * 101}}}', "a number of 101 digits"),
        ("[" * 100_000, "JSON nested too deep"),
    ],
)
def test_what_json_readers_disagree_on_is_refused(text: str, found: str) -> None:
    assert found in only_fault(text).found


def test_a_syntax_fault_has_line_and_column() -> None:
    fault = only_fault('{"a": 1,\n "b" 2}')

    assert (fault.line, fault.column) == (2, 6)
    assert fault.found.startswith("malformed JSON")
