"""A definition as YAML that people like to read: what is small stands on one line."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import yaml

from depot_sim.domain.configuration.definition import Definition

_NUMBER = re.compile(r"[-+]?[0-9.]+([eE][-+]?[0-9]+)?")


def to_yaml(definition: Definition) -> str:
    """Loading the text gives an equal definition."""
    raw = msgspec.json.decode(definition.document_json)
    text = yaml.dump(raw, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=160, allow_unicode=True)
    return str(text)


class _Dumper(yaml.SafeDumper):
    """Objects without objects inside stand on one line: a duty, a charger, a node."""


def _mapping(dumper: yaml.SafeDumper, members: dict[str, Any]) -> yaml.Node:
    leaf = not any(isinstance(held, dict) for value in members.values() for held in _held(value))
    return dumper.represent_mapping("tag:yaml.org,2002:map", members, flow_style=leaf)


def _held(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    """Quotes where a reader could take the text for something else; PyYAML leaves 1e5 bare, and 05:30 to YAML 1.1."""
    if _NUMBER.fullmatch(text):
        return "'"
    return '"' if text[:1].isdigit() and ":" in text else None


_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(str, _text)
