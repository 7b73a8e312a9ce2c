"""JSON Schemas of the Structs that go in and out.

msgspec's own generator cannot write the default of a quantity, so this one reads the types instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from inspect import cleandoc
from typing import Any

import msgspec
from msgspec import NODEFAULT, inspect

from depot_sim.domain.kernel.instants import Instant
from depot_sim.domain.kernel.quantities import ClockTime, Quantity

Node = dict[str, Any]


class Schemas:
    """Hands out a schema per type; Structs and enums become components, referred to by name."""

    def __init__(self) -> None:
        self.components: dict[str, Node] = {}
        self._names: dict[type, str] = {}

    def of(self, annotation: Any) -> Node:
        return self._schema(inspect.type_info(annotation))

    def fields(self, struct: type[msgspec.Struct]) -> list[tuple[str, bool, Node]]:
        """Name, whether it is required, and schema of every field of a Struct."""
        info = inspect.type_info(struct)
        assert isinstance(info, inspect.StructType), "a Struct"
        return [(field.encode_name, field.required, self._field(field)) for field in info.fields]

    def _schema(self, info: inspect.Type) -> Node:
        return _WRITERS[type(info)](self, info)

    def _struct(self, info: inspect.StructType) -> Node:
        return self._component(info.cls, lambda: self._object(info))

    def _object(self, info: inspect.StructType) -> Node:
        node: Node = {
            "type": "object",
            "properties": {field.encode_name: self._field(field) for field in info.fields},
            "required": [field.encode_name for field in info.fields if field.required],
        }
        if info.tag_field is not None:
            node["properties"][info.tag_field] = {"const": info.tag}
            node["required"].append(info.tag_field)
        if info.forbid_unknown_fields:
            node["additionalProperties"] = False
        return node

    def _field(self, field: inspect.Field) -> Node:
        schema = self._schema(field.type)
        default = field.default if field.default_factory is NODEFAULT else field.default_factory()
        if default is NODEFAULT:
            return schema
        return schema | {"default": _plain(default)}

    def _enum(self, info: inspect.EnumType) -> Node:
        return self._component(info.cls, lambda: {"enum": [member.value for member in info.cls]})

    def _array(self, info: inspect.ListType | inspect.VarTupleType | inspect.FrozenSetType) -> Node:
        return {"type": "array", "items": self._schema(info.item_type)}

    def _set(self, info: inspect.FrozenSetType) -> Node:
        return self._array(info) | {"uniqueItems": True}

    def _union(self, info: inspect.UnionType) -> Node:
        return {"anyOf": [self._schema(member) for member in info.types]}

    def _mapping(self, info: inspect.DictType) -> Node:
        return {"type": "object", "additionalProperties": self._schema(info.value_type)}

    def _text(self, info: inspect.StrType) -> Node:
        return {"type": "string"} if info.pattern is None else {"type": "string", "pattern": info.pattern}

    def _custom(self, info: inspect.CustomType) -> Node:
        """Quantities, times of day and instants: texts that say their unit or offset."""
        assert issubclass(info.cls, Quantity | ClockTime | Instant), "the only types that msgspec does not know"
        return {"type": "string", "description": info.cls.expected(), "examples": [info.cls.EXAMPLE]}

    def _component(self, cls: type, make: Callable[[], Node]) -> Node:
        name = self._names.get(cls)
        if name is None:
            name = self._names[cls] = self._free_name(cls)
            described: Node = {"description": cleandoc(cls.__doc__)} if cls.__doc__ else {}
            self.components[name] = described
            described |= make()
        return {"$ref": f"#/components/schemas/{name}"}

    def _free_name(self, cls: type) -> str:
        """Two classes of one name are told apart by their module."""
        if cls.__name__ not in self.components:
            return cls.__name__
        return "_".join((*cls.__module__.split(".")[-2:], cls.__name__))


_WRITERS: Mapping[type, Callable[[Schemas, Any], Node]] = {
    inspect.StructType: Schemas._struct,
    inspect.EnumType: Schemas._enum,
    inspect.ListType: Schemas._array,
    inspect.VarTupleType: Schemas._array,
    inspect.FrozenSetType: Schemas._set,
    inspect.UnionType: Schemas._union,
    inspect.DictType: Schemas._mapping,
    inspect.StrType: Schemas._text,
    inspect.CustomType: Schemas._custom,
    inspect.IntType: lambda _, __: {"type": "integer"},
    inspect.FloatType: lambda _, __: {"type": "number"},
    inspect.BoolType: lambda _, __: {"type": "boolean"},
    inspect.NoneType: lambda _, __: {"type": "null"},
    inspect.RawType: lambda _, __: {},
    inspect.AnyType: lambda _, __: {},
}


def _plain(value: Any) -> Any:
    """A default as it would be written in a request."""
    match value:
        case Quantity():
            return _quantity(value)
        case ClockTime():
            return str(value)
        case Enum():
            return value.value
        case msgspec.Struct():
            names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
            return {written: _plain(getattr(value, name)) for name, written in names}
        case list() | tuple() | frozenset():
            return [_plain(each) for each in value]
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case msgspec.Raw():
            return None
    return value


def _quantity(quantity: Quantity) -> str:
    """In the largest unit that leaves a whole number, or else in the smallest one."""
    units = sorted(quantity.UNITS.items(), key=lambda unit: unit[1], reverse=True)
    for unit, factor in units:
        if quantity % factor == 0 and quantity:
            return f"{quantity // factor} {unit}"
    unit, factor = units[-1]
    return f"{quantity / factor:g} {unit}"
