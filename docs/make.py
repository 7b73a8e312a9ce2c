"""Write anew what is made from code: `python -m docs.make` from the project's root.

docs/configuration.md is made whole from the types of the document, the lifecycle in docs/oscp.md from its table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

from msgspec import NODEFAULT, inspect

from depot_sim.domain.configuration.document import ID_PATTERN, SimulationConfigurationDocument
from depot_sim.domain.kernel.quantities import ClockTime, Quantity
from docs import oscp_lifecycle
from docs.fields import MEANINGS, SECTIONS

PAGE = Path(__file__).parent / "configuration.md"

_INTRODUCTION = """\
# The depot definition, field by field

Made by `python -m docs.make` from the types in `domain/configuration/document.py`; do not edit.

A depot is one YAML or JSON document. `examples/three-bus-depot.yaml` is one to read in a minute;
`depot-sim configuration validate FILE` tells every fault at once, with its JSON pointer, line and column.

- **Quantities are texts that name their unit**: `"150 kW"`, `"80 %"`, `"30 min"`. A bare number is refused. Inside they
  are exact integers (W, mJ, ms, mm, ppm), so nothing is rounded on the way.
- **Times of day** are `"05:30"` or `"05:30:15"`. Hours from 24 on mean the next day: `"25:10"` is 01:10 in the night.
  `"+07:00"` counts once from the run's start. In YAML they need no quotes here, though other readers may want them.
- **Ids** are 1 to 64 letters, digits, `.`, `_`, `:` and `-`, the first a letter or a digit, unique within their list.
- **Unknown fields are faults**, so that a misspelt one is never silently left at its default.
- A field without a default is required; the sources of the defaults are in [defaults.md](defaults.md).
- Bounds: 20 MB, 100,000 entries a list, 64 levels of nodes, 10,000 characters a text; YAML without aliases and tags.
"""


def page() -> str:
    """The whole page; KeyError names a field whose meaning docs/fields.py does not tell."""
    structs = list(_structs(_struct(SimulationConfigurationDocument), set()))
    return "\n".join([_INTRODUCTION, *(_section(struct) for struct in structs)])


def _struct(cls: type) -> inspect.StructType:
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType), "every part of the document is a Struct"
    return info


def _structs(struct: inspect.StructType, seen: set[type]) -> Iterator[inspect.StructType]:
    """The struct and all in it, each once, in the order of the fields."""
    if struct.cls in seen:
        return
    seen.add(struct.cls)
    yield struct
    for field in struct.fields:
        for inner in _inner(field.type):
            yield from _structs(inner, seen)


def _inner(info: inspect.Type) -> list[inspect.StructType]:
    match info:
        case inspect.StructType():
            return [info]
        case inspect.VarTupleType():
            return _inner(info.item_type)
        case inspect.UnionType():
            return [struct for member in info.types for struct in _inner(member)]
    return []


def _section(struct: inspect.StructType) -> str:
    name = struct.cls.__name__
    rows = [_row(name, field) for field in struct.fields]
    if struct.tag_field:
        rows.insert(0, f"| `{struct.tag_field}` | `{struct.tag}` | | Which kind of binding this is. |")
    table = ["| field | type | default | meaning |", "|---|---|---|---|", *rows]
    return "\n".join([f"## {name}", "", SECTIONS[name], "", *table, ""])


def _row(struct: str, field: inspect.Field) -> str:
    cells = (f"`{field.encode_name}`", _type(field.type), _default(field), MEANINGS[f"{struct}.{field.encode_name}"])
    return f"| {' | '.join(cells)} |"


def _type(info: inspect.Type) -> str:
    match info:
        case inspect.StrType(pattern=pattern):
            return "id" if pattern == ID_PATTERN else "text"
        case inspect.CustomType() if issubclass(info.cls, Quantity):
            return f"{re.sub('^an? ', '', info.cls.KIND)} ({', '.join(info.cls.UNITS)})"
        case inspect.CustomType():
            assert info.cls is ClockTime, "the only other custom type"
            return "time of day"
        case inspect.EnumType():
            return ", ".join(f"`{member.value}`" for member in info.cls)
        case inspect.VarTupleType():
            return f"list of {_type(info.item_type)}"
        case inspect.UnionType():
            return " or ".join(_type(member) for member in info.types if not isinstance(member, inspect.NoneType))
        case inspect.StructType():
            return f"[{info.cls.__name__}](#{info.cls.__name__.lower()})"
    return {inspect.BoolType: "true or false", inspect.IntType: "whole number", inspect.DictType: "object"}[type(info)]


def _default(field: inspect.Field) -> str:
    if field.required:
        return "**required**"
    value = field.default if field.default is not NODEFAULT else field.default_factory()
    return _shown(value, field.type)


def _shown(value: Any, info: inspect.Type) -> str:
    match value:
        case None | "" | () | {}:
            return "none"
        case bool():
            return str(value).lower()
        case Enum():
            return f"`{value.value}`"
        case ClockTime() | str():
            return f"`{value}`"
        case Quantity():
            return f"`{_quantity(value)}`"
        case tuple() if all(isinstance(entry, Enum) for entry in value):
            return "all"
    return "see there" if _inner(info) else f"`{value}`"


def _quantity(value: Quantity) -> str:
    """In the largest unit that does not need a fraction below 1."""
    units = sorted(value.UNITS.items(), key=lambda unit: unit[1])
    name, factor = next((unit for unit in reversed(units) if abs(value) >= unit[1]), units[0])
    return f"{(Decimal(int(value)) / factor).normalize():f} {name}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    oscp_lifecycle.PAGE.write_text(oscp_lifecycle.page_with(oscp_lifecycle.section()), encoding="utf-8")
