"""profile.json: what a profile is called, how it encodes, and what goes with a request."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from depot_sim.domain.kernel.problems import Faults, one_of, quoted
from depot_sim.domain.packets.contract.json_files import JsonValue, Members, Number, found_in, placed, read_object
from depot_sim.domain.packets.contract.nearest import nearest
from depot_sim.domain.packets.contract.template import Text, read_text
from depot_sim.domain.packets.encoders.stamps import TimestampStyle

FILE = "profile.json"
_AnyWord = TypeVar("_AnyWord", bound=StrEnum)
_METHODS = ("POST", "PUT", "PATCH")
_is_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}").fullmatch
_is_token = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}").fullmatch
_is_media_type = re.compile(
    r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(?:; ?[A-Za-z0-9-]+=[A-Za-z0-9._-]+)*"
).fullmatch
_is_path = re.compile(r"(?:/[A-Za-z0-9{}._~!$&'()*+,;=:@%-]*)*").fullmatch
_is_printable = re.compile(r"[\x20-\x7e]{0,1000}").fullmatch


class Encoding(StrEnum):
    """FULL and FLAT fill an envelope, FLAT by default {ts, values}; SENML is RFC 8428, its envelope the base fields."""

    FULL = "full"
    SENML = "senml"
    FLAT = "flat"


class Casing(StrEnum):
    """How keys are spelt, whatever the table says."""

    AS_WRITTEN = "as_written"
    UPPER_SNAKE = "UPPER_SNAKE"
    LOWER_SNAKE = "lower_snake"
    CAMEL = "camelCase"
    PASCAL = "PascalCase"
    KEBAB = "kebab-case"

    def spelt(self, key: str) -> str:
        """`key`, which has underscores between its words."""
        words = [word for word in key.split("_") if word]
        match self:
            case Casing.AS_WRITTEN:
                return key
            case Casing.UPPER_SNAKE:
                return "_".join(words).upper()
            case Casing.LOWER_SNAKE:
                return "_".join(words).lower()
            case Casing.KEBAB:
                return "-".join(words).lower()
            case Casing.PASCAL:
                return "".join(word.capitalize() for word in words)
            case Casing.CAMEL:
                return "".join(word.capitalize() if place else word.lower() for place, word in enumerate(words))


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`envelope` is a file of the profile, "" for the encoder's own; with `volts_per_phase` powers may be sent in A."""

    name: str = ""
    version: str = ""
    description: str = ""
    encoder: Encoding = Encoding.FULL
    envelope: str = ""
    timestamps: TimestampStyle = TimestampStyle.MILLISECONDS
    key_casing: Casing = Casing.AS_WRITTEN
    content_type: str = ""
    method: str = "POST"
    path: Text = Text(())
    headers: tuple[tuple[str, Text], ...] = ()
    as_flag: frozenset[str] = frozenset()
    volts_per_phase: int | None = None


class _Wrong(Exception):
    """What would do instead."""


class _Fields:
    """Reads one field each, after its name."""

    def __init__(self, text: str, faults: Faults) -> None:
        self._text = text
        self._faults = faults

    def name(self, value: JsonValue) -> str:
        return _matching(value, _is_name, "a name of letters, digits, dots and dashes")

    def version(self, value: JsonValue) -> str:
        return str(value) if isinstance(value, Number) else self.name(value)

    def description(self, value: JsonValue) -> str:
        return _string(value)

    def encoder(self, value: JsonValue) -> Encoding:
        return _word(value, Encoding)

    def envelope(self, value: JsonValue) -> str:
        return _string(value)

    def timestamps(self, value: JsonValue) -> TimestampStyle:
        return _word(value, TimestampStyle)

    def key_casing(self, value: JsonValue) -> Casing:
        return _word(value, Casing)

    def content_type(self, value: JsonValue) -> str:
        return _matching(value, _is_media_type, "a media type, such as application/json")

    def method(self, value: JsonValue) -> str:
        if value not in _METHODS:
            raise _Wrong(one_of(_METHODS))
        return str(value)

    def path(self, value: JsonValue) -> Text:
        return self._template("path", _matching(value, _is_path, "a path that begins with /, to add to the endpoint's"))

    def headers(self, value: JsonValue) -> tuple[tuple[str, Text], ...]:
        if not isinstance(value, Members) or not all(_is_token(name) for name, _ in value.pairs):
            raise _Wrong("an object of header names and values")
        expected = "printable ASCII for every header"
        return tuple(
            (name, self._template("headers", _matching(held, _is_printable, expected))) for name, held in value.pairs
        )

    def as_flag(self, value: JsonValue) -> frozenset[str]:
        if not isinstance(value, list):
            raise _Wrong("a list of keys")
        return frozenset(_string(key) for key in value)

    def volts_per_phase(self, value: JsonValue) -> int:
        if not isinstance(value, Number) or not value.isdecimal() or not 1 <= int(value) <= 1_000_000:
            raise _Wrong("a whole number of volts between phase and neutral")
        return int(value)

    def _template(self, field: str, written: str) -> Text:
        return read_text(FILE, f"{FILE}/{field}", self._text, written, self._faults)


def read_manifest(text: str, faults: Faults) -> Manifest | None:
    """What could be read of it, the rest as it is by default; None when it is no object of JSON at all."""
    fields = read_object(FILE, text, faults)
    if fields is None:
        return None
    readers = _readers(_Fields(text, faults))
    read: dict[str, Any] = {}
    for field, value in fields.items():
        if field not in readers:
            faults.append(placed(FILE, text, quoted(field), f"the field {quoted(field)}", nearest(field, readers)))
            continue
        try:
            read[field] = readers[field](value)
        except _Wrong as wrong:
            faults.append(placed(FILE, text, quoted(field), found_in(value), str(wrong), f"{FILE}/{field}"))
    for field in ("name", "version"):
        if field not in fields:
            faults.add(FILE, f"no {field}", f"the profile's {field}")
    return Manifest(**read)


def _readers(fields: _Fields) -> Mapping[str, Callable[[JsonValue], object]]:
    return {name: getattr(fields, name) for name in Manifest.__struct_fields__}


def _string(value: JsonValue) -> str:
    if not isinstance(value, str) or isinstance(value, Number):
        raise _Wrong("text")
    return value


def _matching(value: JsonValue, matches: Callable[[str], object], expected: str) -> str:
    if not isinstance(value, str) or isinstance(value, Number) or not matches(value):
        raise _Wrong(expected)
    return value


def _word(value: JsonValue, words: type[_AnyWord]) -> _AnyWord:
    try:
        return words(_string(value))
    except (ValueError, _Wrong):
        raise _Wrong(one_of(words)) from None
