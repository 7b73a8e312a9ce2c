"""Files and request bodies become definitions; faults point into the text."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
import yaml

from depot_sim.adapters.configuration_import import Format, format_of_content_type, format_of_path, load
from depot_sim.adapters.configuration_import.loading import LARGEST
from depot_sim.domain.configuration.decoding import decode_document
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from tests.domain.configuration.samples import depot

SPOILED = """\
name: Spoiled
topology:
  nodes:
    - id: grid
      limit: 150
    - {id: feeder, parent: gird}
vehicles:
  - id: bus
    type: none
    colour: red
"""
PLACES = {
    "/topology/nodes/0/limit": (5, 14),
    "/topology/nodes/1/parent": (6, 28),
    "/vehicles/0/type": (9, 11),
    "/vehicles/0/colour": (10, 13),
}


def faults_of(source: Path | bytes, text_format: Format | None = None) -> tuple[Fault, ...]:
    with pytest.raises(InvalidInput) as refused:
        load(source, text_format)
    return refused.value.faults


def test_yaml_and_json_make_the_same_definition(tmp_path: Path) -> None:
    (tmp_path / "depot.yaml").write_text(yaml.safe_dump(depot(), sort_keys=False), encoding="utf-8")
    (tmp_path / "depot.json").write_text(json.dumps(depot(), indent=1), encoding="utf-8-sig")
    from_yaml, from_json = load(tmp_path / "depot.yaml"), load(tmp_path / "depot.json")

    assert from_yaml == from_json
    assert msgspec.json.decode(from_json.document_json) == depot()
    assert from_json.document == decode_document(depot())


def test_every_fault_has_the_line_and_column_of_its_value() -> None:
    found = {fault.pointer: (fault.line, fault.column) for fault in faults_of(SPOILED.encode(), Format.YAML)}

    assert found == PLACES


def test_faults_in_json_have_line_and_column_too() -> None:
    text = json.dumps(yaml.safe_load(SPOILED), indent="\t")
    found = {fault.pointer: fault for fault in faults_of(text.encode(), Format.JSON)}

    assert found.keys() == PLACES.keys()
    for pointer, fault in found.items():
        assert text.splitlines()[fault.line - 1][fault.column - 1 :].rstrip(",") == json.dumps(_at(text, pointer))


def _at(text: str, pointer: str) -> object:
    value = json.loads(text)
    for token in pointer.split("/")[1:]:
        value = value[int(token)] if isinstance(value, list) else value[token]
    return value


def test_a_missing_field_is_placed_at_what_lacks_it() -> None:
    (fault,) = faults_of(b"name: x\ntopology:\n  nodes:\n  - id: a\n  - parent: a\n", Format.YAML)

    assert (fault.pointer, fault.line, fault.column) == ("/topology/nodes/1/id", 5, 5)


def test_a_body_too_large_is_refused_unread() -> None:
    (fault,) = faults_of(b" " * (LARGEST + 1), Format.JSON)

    assert fault.expected == "at most 20,971,520 bytes"


def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(50 * 2**20)

    assert faults_of(tmp_path / "huge.json")[0].expected == "at most 20,971,520 bytes"


def test_bytes_that_are_no_utf_8_are_refused_with_their_line() -> None:
    (fault,) = faults_of(b"name: x\ndescription: \xff\n", Format.YAML)

    assert (fault.line, fault.found) == (2, "a byte that is not UTF-8, at 21")


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", Format.JSON),
        ("Application/JSON; charset=utf-8", Format.JSON),
        ("application/problem+json", Format.JSON),
        ("application/yaml", Format.YAML),
        ("text/x-yaml", Format.YAML),
    ],
)
def test_the_content_type_tells_the_format(content_type: str, expected: Format) -> None:
    assert format_of_content_type(content_type) is expected


def test_other_types_and_suffixes_are_refused() -> None:
    with pytest.raises(InvalidInput):
        format_of_content_type("text/html")
    with pytest.raises(InvalidInput):
        format_of_path(Path("depot.toml"))
    assert format_of_path(Path("depot.YML")) is Format.YAML


def test_bytes_need_a_format() -> None:
    with pytest.raises(TypeError):
        load(b"{}")
