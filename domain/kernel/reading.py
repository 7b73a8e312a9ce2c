"""From untyped JSON-like values to a typed document, reporting every structural fault at once.

The reader follows the types of document.py, so there is no second list of fields to keep. What is faulty is replaced
by its default (or a stand-in) and its place remembered: reading goes on, and the semantic rules can still look at the
rest of the document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar, cast

import msgspec
from msgspec import NODEFAULT, inspect

from depot_sim.domain.configuration.document import ID_PATTERN
from depot_sim.domain.kernel.freeform import UNWRITABLE, FreeformReader, integer_fault, number_fault, text_fault
from depot_sim.domain.kernel.pointer import child
from depot_sim.domain.kernel.problems import Faults, one_of, quoted, shown
from depot_sim.domain.kernel.quantities import Quantity

S = TypeVar("S", bound=msgspec.Struct)

MOST_ITEMS = 100_000
LONGEST_NAME = 100  # of a field, a quantity or a time; anything longer is not looked at any closer

_PATTERNS_IN_WORDS = {
    ID_PATTERN: 'an id: at most 64 letters, digits, ".", "_", ":" and "-", the first a letter or a digit',
}


class Reading(NamedTuple, Generic[S]):
    """`document` is None when the value is no object at all. `mended` are the places filled with a stand-in."""

    document: S | None
    faults: Faults
    mended: tuple[str, ...]


def read(raw: object, shape: type[S]) -> Reading[S]:
    """Read a whole document of the given Struct class from dicts, lists and scalars."""
    reader = _Reader()
    info = description_of(shape)
    if not isinstance(raw, dict):
        reader.faults.add("", shown(raw), _expected(info))
        return Reading(None, reader.faults, ("",))
    return Reading(reader.struct(raw, info, ""), reader.faults, tuple(reader.mended))


@cache
def description_of(struct: type) -> inspect.StructType:
    """The description of a Struct class by msgspec."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType), "a Struct class is described as one"
    return info


class _Reader:
    def __init__(self) -> None:
        self.faults = Faults()
        self.mended: list[str] = []
        self._freeform = FreeformReader(self.faults)

    def read(self, value: object, info: inspect.Type, pointer: str) -> Any:
        """The typed value; a stand-in when `value` is faulty."""
        return _READERS[type(info)](self, value, info, pointer)

    def fault(self, value: object, info: inspect.Type, pointer: str, expected: str, found: str = "") -> Any:
        self.faults.add(pointer, found or shown(value), expected)
        self.mended.append(pointer)
        return _stand_in(info, pointer)

    def struct(self, value: object, info: inspect.StructType, pointer: str) -> Any:
        if not isinstance(value, dict):
            return self.fault(value, info, pointer, f"an object with {', '.join(_fields(info))}")
        fields = _fields(info)
        for name in value:
            if name not in fields and name != info.tag_field:
                self._unknown_field(name, fields, pointer)
        return info.cls(**{field.name: self._field(value, field, pointer) for field in info.fields})

    def _field(self, holder: Mapping[str, object], field: inspect.Field, pointer: str) -> Any:
        at = child(pointer, field.encode_name)
        if field.encode_name not in holder:
            return self._missing(field, at) if field.required else _default(field)
        mended_before = len(self.mended)
        value = self.read(holder[field.encode_name], field.type, at)
        if not field.required and at in self.mended[mended_before:]:
            return _default(field)
        return value

    def _missing(self, field: inspect.Field, at: str) -> Any:
        return self.fault(None, field.type, at, _expected(field.type), found="nothing")

    def _unknown_field(self, name: object, fields: Mapping[str, inspect.Field], pointer: str) -> None:
        text = name if isinstance(name, str) else shown(name)
        written = UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text[:LONGEST_NAME])
        near = [] if self.faults.full else get_close_matches(written, fields, n=1)
        expected = f'"{near[0]}"?' if near else f"only {', '.join(fields)}"
        self.faults.add(child(pointer, written), f"the unknown field {quoted(written)}", expected)

    def items(self, value: object, info: inspect.VarTupleType, pointer: str) -> Any:
        if not isinstance(value, list | tuple):
            return self.fault(value, info, pointer, "a list")
        if len(value) > MOST_ITEMS:
            return self.fault(value, info, pointer, f"at most {MOST_ITEMS:,} entries")
        return tuple(self.read(entry, info.item_type, child(pointer, index)) for index, entry in enumerate(value))

    def union(self, value: object, info: inspect.UnionType, pointer: str) -> Any:
        members = [member for member in info.types if not isinstance(member, inspect.NoneType)]
        if len(members) < len(info.types) and value is None:
            return None
        if len(members) == 1:
            return self.read(value, members[0], pointer)
        if all(isinstance(member, inspect.StructType) for member in members):
            return self._tagged(value, info, members, pointer)
        return self._by_json_type(value, info, members, pointer)

    def _by_json_type(self, value: object, info: inspect.Type, members: list[Any], pointer: str) -> Any:
        """As the member that is written like this value; no two members are written alike."""
        member = next((member for member in members if type(value) in _WRITTEN_AS[type(member)]), None)
        if member is None:
            in_quotes = "; write it in quotes" if isinstance(value, float) else ""
            return self.fault(value, info, pointer, _expected(info) + in_quotes)
        return self.read(value, member, pointer)

    def _tagged(self, value: object, info: inspect.Type, members: list[Any], pointer: str) -> Any:
        by_tag = {member.tag: member for member in members}
        tag_field = members[0].tag_field
        if not isinstance(value, dict):
            return self.fault(value, info, pointer, f"an object with {tag_field} and more")
        tag = value.get(tag_field)
        if not isinstance(tag, str) or tag not in by_tag:
            found = shown(tag) if tag_field in value else "nothing"
            self.mended.append(pointer)
            return self.fault(tag, info, child(pointer, tag_field), one_of(by_tag), found)
        return self.read(value, by_tag[tag], pointer)

    def text(self, value: object, info: inspect.StrType, pointer: str) -> Any:
        if not isinstance(value, str):
            in_quotes = ", in quotes" if isinstance(value, int | float) else ""
            return self.fault(value, info, pointer, _expected(info) + in_quotes)
        if wrong := text_fault(value):
            return self.fault(value, info, pointer, wrong)
        if info.pattern is not None and re.fullmatch(info.pattern, value) is None:
            return self.fault(value, info, pointer, _expected(info))
        return value

    def boolean(self, value: object, info: inspect.BoolType, pointer: str) -> Any:
        return value if isinstance(value, bool) else self.fault(value, info, pointer, _expected(info))

    def integer(self, value: object, info: inspect.IntType, pointer: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            return self.fault(value, info, pointer, _expected(info))
        wrong = integer_fault(value)
        return self.fault(value, info, pointer, wrong) if wrong else value

    def number(self, value: object, info: inspect.FloatType, pointer: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return self.fault(value, info, pointer, _expected(info))
        wrong = number_fault(value)
        return self.fault(value, info, pointer, wrong) if wrong else value

    def enumerated(self, value: object, info: inspect.EnumType, pointer: str) -> Any:
        members = {str(member.value): member for member in info.cls}
        if isinstance(value, str) and value in members:
            return members[value]
        return self.fault(value, info, pointer, _expected(info))

    def custom(self, value: object, info: inspect.CustomType, pointer: str) -> Any:
        """A quantity or a time of day: always a text, parsed by its class."""
        if not isinstance(value, str):
            bare = isinstance(value, int | float) and not isinstance(value, bool)
            found = f"{shown(value)} without a unit" if bare and issubclass(info.cls, Quantity) else shown(value)
            return self.fault(value, info, pointer, _custom(info).expected(), found)
        if len(value) > LONGEST_NAME:
            return self.fault(value, info, pointer, _custom(info).expected())
        try:
            return _custom(info).parse(value)
        except ValueError as error:
            return self.fault(value, info, pointer, str(error))

    def mapping(self, value: object, info: inspect.DictType, pointer: str) -> Any:
        if not isinstance(value, dict):
            return self.fault(value, info, pointer, "an object")
        if isinstance(info.value_type, inspect.AnyType):
            return self.freeform(value, info, pointer)
        return {
            name: self.read(held, info.value_type, child(pointer, name))
            for name, held in value.items()
            if self._is_name(name, pointer)
        }

    def _is_name(self, name: object, pointer: str) -> bool:
        wrong = text_fault(name) if isinstance(name, str) else "a text"
        if wrong:
            self.faults.add(pointer, f"the field name {shown(name)}", wrong)
        return not wrong

    def freeform(self, value: object, _: inspect.Type, pointer: str) -> Any:
        read, sound = self._freeform.read(value, pointer)
        if not sound:
            self.mended.append(pointer)
        return read


_READERS: Mapping[type, Callable[[_Reader, Any, Any, str], Any]] = {
    inspect.StructType: _Reader.struct,
    inspect.VarTupleType: _Reader.items,
    inspect.UnionType: _Reader.union,
    inspect.StrType: _Reader.text,
    inspect.BoolType: _Reader.boolean,
    inspect.IntType: _Reader.integer,
    inspect.FloatType: _Reader.number,
    inspect.EnumType: _Reader.enumerated,
    inspect.CustomType: _Reader.custom,
    inspect.DictType: _Reader.mapping,
    inspect.AnyType: _Reader.freeform,
}

_WRITTEN_AS: Mapping[type, tuple[type, ...]] = {
    inspect.StrType: (str,),
    inspect.IntType: (int,),
    inspect.FloatType: (float,),
    inspect.DictType: (dict,),
    inspect.StructType: (dict,),
}
"""Types of the values that are read as these, where a union offers several."""


@cache
def _fields_of(struct: type) -> Mapping[str, inspect.Field]:
    return {field.encode_name: field for field in description_of(struct).fields}


def _fields(info: inspect.StructType) -> Mapping[str, inspect.Field]:
    return _fields_of(info.cls)


def _expected(info: inspect.Type) -> str:
    """What a value of this type looks like, in words."""
    match info:
        case inspect.StrType(pattern=str() as pattern):
            return _PATTERNS_IN_WORDS.get(pattern, f"text of the form {pattern}")
        case inspect.EnumType():
            return one_of(str(member.value) for member in info.cls)
        case inspect.CustomType():
            return _custom(info).expected()
        case inspect.StructType():
            return f"an object with {', '.join(_fields(info))}"
        case inspect.UnionType():
            return " or ".join(_expected(member) for member in info.types)
    return _WORDS[type(info)]


_WORDS: Mapping[type, str] = {
    inspect.StrType: "text",
    inspect.BoolType: "true or false",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.VarTupleType: "a list",
    inspect.DictType: "an object",
    inspect.AnyType: "anything",
    inspect.NoneType: "null",
}


def _stand_in(info: inspect.Type, pointer: str) -> Any:
    """Some value of this type, so that the rest of the document can be looked at; ids are made unique."""
    match info:
        case inspect.StrType():
            return f"?{pointer}"
        case inspect.CustomType():
            return _custom(info).parse(_custom(info).EXAMPLE)
        case inspect.EnumType():
            return next(iter(info.cls))
        case inspect.UnionType():
            return _stand_in(info.types[0], pointer)
        case inspect.StructType():
            required = (field for field in info.fields if field.required)
            return info.cls(**{field.name: _stand_in(field.type, child(pointer, field.name)) for field in required})
    return _EMPTY[type(info)]


_EMPTY: Mapping[type, Any] = {
    inspect.BoolType: False,
    inspect.IntType: 0,
    inspect.FloatType: 0,
    inspect.VarTupleType: (),
    inspect.DictType: {},
    inspect.AnyType: None,
}


def _default(field: inspect.Field) -> Any:
    return field.default if field.default is not NODEFAULT else field.default_factory()


class _Parsed(Protocol):
    """What every custom type of the document can do: quantities and times of day."""

    EXAMPLE: ClassVar[str]

    @classmethod
    def parse(cls, text: str) -> object: ...

    @classmethod
    def expected(cls) -> str: ...


def _custom(info: inspect.CustomType) -> type[_Parsed]:
    return cast("type[_Parsed]", info.cls)
