"""One JSON text for each Struct class that msgspec can decode, with every field present."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import inspect

IMPORT_ROOT = "depot_sim"
_DEPTH = 6


def struct_classes() -> dict[str, type[msgspec.Struct]]:
    """Every Struct class that a module of the product defines, by module and qualified name.

    Classes that are made while it runs, such as those of route signatures, are not in another process.
    """
    found = {f"{each.__module__}:{each.__qualname__}": each for each in _subclasses(msgspec.Struct)}
    return {name: each for name, each in found.items() if _is_defined_in_product(each)}


def _is_defined_in_product(struct: type[msgspec.Struct]) -> bool:
    if struct.__module__.partition(".")[0] != IMPORT_ROOT:
        return False
    try:
        return attrgetter(struct.__qualname__)(sys.modules[struct.__module__]) is struct
    except AttributeError:
        return False


def samples() -> dict[str, bytes]:
    """A text for each class of the product that msgspec can decode.

    The text of a class with a custom type is not valid: custom types have no JSON form without a hook.
    """
    classes = struct_classes()
    refused = {struct for struct in classes.values() if _is_refused(struct)}
    described = {name: inspect.type_info(struct) for name, struct in classes.items() if struct not in refused}
    # msgspec takes a class that contains a refused one when it has met the two together before.
    return {
        name: msgspec.json.encode(_value(info, _DEPTH))
        for name, info in described.items()
        if not refused.intersection(_inside(info, set()))
    }


def sample(struct: type[msgspec.Struct]) -> bytes:
    """A text for a class that msgspec can decode."""
    return msgspec.json.encode(_value(inspect.type_info(struct), _DEPTH))


def _is_refused(struct: type[msgspec.Struct]) -> bool:
    try:
        msgspec.json.Decoder(struct)
    except (TypeError, NameError):
        return True
    return False


def _inside(info: Any, known: set[type]) -> set[type]:
    """Every Struct class in a description."""
    if isinstance(info, inspect.StructType):
        if info.cls in known:
            return known
        known.add(info.cls)
    parts = [field.type for field in getattr(info, "fields", ())]
    parts += [getattr(info, name) for name in ("item_type", "key_type", "value_type") if hasattr(info, name)]
    for part in (*parts, *getattr(info, "types", ()), *getattr(info, "item_types", ())):
        _inside(part, known)
    return known


def _subclasses(base: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for struct in base.__subclasses__():
        yield struct
        yield from _subclasses(struct)


def _value(info: inspect.Type, depth: int) -> Any:
    make = _MAKERS.get(type(info))
    return _PLAIN.get(type(info)) if make is None else make(info, depth)


def _struct(info: inspect.StructType, depth: int) -> dict[str, Any]:
    fields = [field for field in info.fields if depth or field.required]
    values = {field.encode_name: _value(field.type, depth - 1) for field in fields}
    return values if info.tag_field is None else {info.tag_field: info.tag, **values}


def _union(info: inspect.UnionType, depth: int) -> Any:
    members = [member for member in info.types if not isinstance(member, inspect.NoneType)]
    return None if depth <= 0 and len(members) < len(info.types) else _value(members[0], depth)


def _mapping(info: inspect.DictType, depth: int) -> Mapping[Any, Any]:
    key = _value(info.key_type, depth)
    return {key: _value(info.value_type, depth - 1)} if depth > 0 and isinstance(key, str | int) else {}


def _list(info: Any, depth: int) -> list[Any]:
    return [_value(info.item_type, depth - 1)] if depth > 0 else []


_PLAIN: Mapping[type, Any] = {
    inspect.BoolType: True,
    inspect.FloatType: 1.5,
    inspect.DecimalType: "1.5",
    inspect.DateTimeType: "2026-03-02T00:00:00Z",
    inspect.DateType: "2026-03-02",
    inspect.TimeType: "00:00:00",
    inspect.BytesType: "",
}
_MAKERS: Mapping[type, Callable[[Any, int], Any]] = {
    inspect.StrType: lambda info, _: "x" * max(1, info.min_length or 1),
    inspect.IntType: lambda info, _: info.ge or 1,
    inspect.LiteralType: lambda info, _: info.values[0],
    inspect.EnumType: lambda info, _: next(iter(info.cls)).value,
    inspect.DictType: _mapping,
    inspect.VarTupleType: _list,
    inspect.ListType: _list,
    inspect.SetType: _list,
    inspect.FrozenSetType: _list,
    inspect.TupleType: lambda info, depth: [_value(item, depth - 1) for item in info.item_types],
    inspect.UnionType: _union,
    inspect.StructType: _struct,
    inspect.NamedTupleType: lambda info, depth: [_value(field.type, depth - 1) for field in info.fields],
    inspect.DataclassType: lambda info, depth: {f.encode_name: _value(f.type, depth - 1) for f in info.fields},
}
