"""YAML text to dicts, lists and scalars, strictly: the JSON-like part of YAML 1.2, read event by event.

Nothing is constructed but plain data; aliases (and with them expansion bombs), tags and a key given twice are refused.
A time of day such as 05:30 is text, never a number in base 60, and `no` is text, never false.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import yaml

from depot_sim.adapters.configuration_import.limits import MOST_VALUES
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.pointer import child
from depot_sim.domain.kernel.problems import Faults, quoted

DEEPEST = 64
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT_TAG = "tag:yaml.org,2002:str"
_INTEGER = re.compile(r"[-+]?[0-9]{1,100}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_CONSTANTS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_CONSTANTS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_SPECIAL_FLOATS = {".inf", "+.inf", "-.inf", ".nan"}


class Place(NamedTuple):
    """Counted from 1."""

    line: int
    column: int


def parse_yaml(text: str) -> Any:
    """Raises InvalidInput with line and column of everything that is not plain data."""
    reader = _Reader(frozenset())
    value = reader.read(text)
    reader.faults.raise_if_any()
    return value


def places(text: str, pointers: Collection[str]) -> dict[str, Place]:
    """Where the values that `pointers` name begin; those not in the text are left out. Reads JSON as well."""
    reader = _Reader(frozenset(pointers))
    with contextlib.suppress(InvalidInput):  # JSON that YAML cannot read, or too long: what was found until then counts
        reader.read(text)
    return reader.places


class _Open:
    """A list or an object whose end has not come yet. `key` is the field whose value comes next."""

    def __init__(self, container: dict[str, Any] | list[Any], pointer: str) -> None:
        self.container = container
        self.pointer = pointer
        self.key: str | None = None

    def next_pointer(self) -> str:
        token = len(self.container) if isinstance(self.container, list) else self.key
        return child(self.pointer, "" if token is None else token)

    def put(self, value: Any) -> None:
        if isinstance(self.container, list):
            self.container.append(value)
        elif self.key is not None:
            self.container[self.key] = value
            self.key = None


class _Reader:
    def __init__(self, wanted: frozenset[str]) -> None:
        self.faults = Faults()
        self.places: dict[str, Place] = {}
        self._wanted = wanted
        self._open: list[_Open] = []
        self._root: Any = None
        self._documents = 0

    def read(self, text: str) -> Any:
        """The document's value; when places are wanted, reading ends where the last of them is found."""
        for number, event in enumerate(_events(text)):
            if number >= MOST_VALUES:
                self._refuse(event, "one value too many", f"at most {MOST_VALUES:,} values, about")
                self.faults.raise_if_any()
            if self._wanted and len(self.places) == len(self._wanted):
                break
            match event:
                case yaml.DocumentStartEvent():
                    self._begin_document(event)
                case yaml.AliasEvent():
                    self._refuse(event, f"the alias *{event.anchor}", "the value itself: aliases are not read")
                    self._value(event, None)
                case yaml.ScalarEvent():
                    self._scalar(event)
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    self._begin(event, {} if isinstance(event, yaml.MappingStartEvent) else [])
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    self._open.pop()
        return self._root

    def _begin_document(self, event: yaml.Event) -> None:
        self._documents += 1
        if self._documents > 1:
            self._refuse(event, "a second document", "one document per file")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._check_tag(event)
        holder = self._open[-1] if self._open else None
        if holder is not None and isinstance(holder.container, dict) and holder.key is None:
            self._key(event, holder)
        else:
            self._value(event, _resolve(event))

    def _key(self, event: yaml.ScalarEvent, holder: _Open) -> None:
        holder.key = event.value
        if event.value in holder.container:
            self._refuse(event, f"the field {quoted(event.value)} a second time", "each field once")

    def _begin(self, event: yaml.CollectionStartEvent, container: dict[str, Any] | list[Any]) -> None:
        self._check_tag(event)
        if len(self._open) >= DEEPEST:
            self._refuse(event, f"more than {DEEPEST} levels", f"at most {DEEPEST}")
            self.faults.raise_if_any()
        holder = self._open[-1] if self._open else None
        if holder is not None and isinstance(holder.container, dict) and holder.key is None:
            self._refuse(event, "a list or an object as the name of a field", "text")
            holder.key = ""
        pointer = self._value(event, container)
        self._open.append(_Open(container, pointer))

    def _value(self, event: yaml.Event, value: Any) -> str:
        """Put a value where it belongs and return its pointer."""
        pointer = self._open[-1].next_pointer() if self._open else ""
        if pointer in self._wanted:
            self.places.setdefault(pointer, _place(event))
        if self._open:
            self._open[-1].put(value)
        else:
            self._root = value
        return pointer

    def _check_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None and event.tag not in ("!", _TEXT_TAG):
            self._refuse(event, f"the tag {quoted(event.tag)}", "plain values without tags")

    def _refuse(self, event: yaml.Event, found: str, expected: str) -> None:
        pointer = self._open[-1].next_pointer() if self._open else ""
        place = _place(event)
        self.faults.append(Fault(pointer, found, expected, place.line, place.column))


def _events(text: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise InvalidInput([Fault("", f"malformed YAML ({error.problem})", "YAML", line, column)]) from error
    except yaml.YAMLError as error:
        found = f"text that YAML does not allow ({str(error).splitlines()[0]})"
        raise InvalidInput([Fault("", found, "YAML")]) from error


def _resolve(event: yaml.ScalarEvent) -> Any:
    """The value of a scalar by the core schema of YAML 1.2; anything quoted is text."""
    text = event.value
    if event.style or event.tag is not None:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) or text.lower() in _SPECIAL_FLOATS:
        return (
            float(text.replace(".inf", "inf").replace(".nan", "nan"))
            if text.lower() in _SPECIAL_FLOATS
            else float(text)
        )
    return text


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    assert mark is not None, "read from text, every event has its mark"
    return Place(mark.line + 1, mark.column + 1)
