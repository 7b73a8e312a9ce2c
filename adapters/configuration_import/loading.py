"""Text to a definition: size, encoding, syntax, then the domain's own rules; faults carry line and column."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from depot_sim.adapters.configuration_import.formats import Format, format_of_path
from depot_sim.adapters.configuration_import.json_text import parse_json
from depot_sim.adapters.configuration_import.yaml_text import Place, parse_yaml, places
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.configuration.validation import Rule
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.written_secrets import SecretIn, SecretWritten, no_secret_in, refuse_secrets

LARGEST = 20 * 2**20
_PARSERS = {Format.JSON: parse_json, Format.YAML: parse_yaml}


def load(
    source: Path | bytes,
    text_format: Format | None = None,
    more_rules: Sequence[Rule] = (),
    secret_in: SecretIn = no_secret_in,
) -> Definition:
    """A depot definition from a file (its suffix tells the format) or from bytes (then `text_format` must).

    It is checked by `more_rules` besides those of the configuration itself.
    Raises InvalidInput with every fault, SecretWritten; OSError when the file cannot be read.
    """
    text, raw = parse(source, text_format, secret_in)
    return define(raw, text, more_rules)


def parse(
    source: Path | bytes, text_format: Format | None = None, secret_in: SecretIn = no_secret_in
) -> tuple[str, Any]:
    """The text and the plain values in it. Raises as `load`, for the syntax and for written secrets."""
    if isinstance(source, Path):
        text_format = text_format or format_of_path(source)
        source = _read(source)
    if text_format is None:
        raise TypeError("bytes need a format")
    text = decode_text(source)
    raw = _PARSERS[text_format](text)
    try:
        # YAML may break a text over lines, and its comments are not recorded.
        refuse_secrets(raw, text if text_format is Format.JSON else json.dumps(raw, ensure_ascii=False), secret_in)
    except SecretWritten as error:
        raise SecretWritten(located(error.faults, text)) from None
    return text, raw


def refuse_secrets_in(definition: Definition, secret_in: SecretIn) -> Definition:
    """The definition that was made of another format. Raises SecretWritten."""
    text = definition.document_json.decode()
    refuse_secrets(msgspec.json.decode(text), text, secret_in)
    return definition


def define(raw: Any, text: str = "", more_rules: Sequence[Rule] = ()) -> Definition:
    """A definition from parsed values; faults get their place in `text`."""
    try:
        return Definition.of(raw, more_rules)
    except InvalidInput as error:
        raise InvalidInput(located(error.faults, text), error.detail) from None


def decode_text(source: bytes, largest: int = LARGEST) -> str:
    """UTF-8 text of a bearable size. Raises InvalidInput."""
    if len(source) > largest:
        raise InvalidInput([Fault("", f"more than {largest:,} bytes", f"at most {largest:,} bytes")])
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise InvalidInput([Fault("", f"a byte that is not UTF-8, at {error.start:,}", "UTF-8 text", line)]) from None


def located(faults: tuple[Fault, ...], text: str) -> list[Fault]:
    """The faults with line and column of what they point to, or of the nearest thing around it that is there."""
    around = {fault.pointer: _lineage(fault.pointer) for fault in faults}
    found = places(text.replace("\t", " "), {pointer for lineage in around.values() for pointer in lineage})
    return [_placed(fault, around[fault.pointer], found) for fault in faults]


def _placed(fault: Fault, lineage: list[str], found: dict[str, Place]) -> Fault:
    for pointer in lineage:
        if pointer in found:
            return msgspec.structs.replace(fault, line=found[pointer].line, column=found[pointer].column)
    return fault


def _lineage(pointer: str) -> list[str]:
    """The pointer and all around it, innermost first."""
    tokens = pointer.split("/")
    return ["/".join(tokens[:length]) for length in range(len(tokens), 0, -1)]


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST + 1)
