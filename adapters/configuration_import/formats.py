"""The text formats of a depot definition, by file suffix and by content type."""

from __future__ import annotations

from enum import Enum
from pathlib import PurePath

from depot_sim.domain.kernel.errors import Fault, InvalidInput


class Format(Enum):
    JSON = "JSON"
    YAML = "YAML"


_BY_SUFFIX = {".json": Format.JSON, ".yaml": Format.YAML, ".yml": Format.YAML}
_BY_CONTENT_TYPE = {
    "application/json": Format.JSON,
    "application/yaml": Format.YAML,
    "application/x-yaml": Format.YAML,
    "text/yaml": Format.YAML,
    "text/x-yaml": Format.YAML,
}


def format_of_path(path: PurePath) -> Format:
    """Raises InvalidInput for a suffix that is neither JSON's nor YAML's."""
    try:
        return _BY_SUFFIX[path.suffix.lower()]
    except KeyError:
        found = f"the suffix {path.suffix}" if path.suffix else "no suffix"
        raise InvalidInput([Fault("", found, f"a file that ends in {', '.join(_BY_SUFFIX)}")]) from None


def format_of_content_type(content_type: str) -> Format:
    """Raises InvalidInput for anything that is neither JSON nor YAML; parameters such as charset do not matter."""
    name = content_type.partition(";")[0].strip().lower()
    if name.endswith("+json"):
        return Format.JSON
    try:
        return _BY_CONTENT_TYPE[name]
    except KeyError:
        raise InvalidInput([Fault("", f"the content type {name!r}", "application/json or application/yaml")]) from None
