"""Scenarios that come along, as YAML files beside this one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from importlib.resources import files
from typing import Any

_SUFFIX = ".yaml"


class ScenarioLibrary:
    """Files by their names, read when first asked for. `parse` makes dicts, lists and scalars of YAML."""

    def __init__(self, parse: Callable[[bytes], Any]) -> None:
        self._parse = parse
        self._parsed: dict[str, Any] = {}

    def names(self) -> tuple[str, ...]:
        return tuple(self._texts)

    def text(self, name: str) -> str:
        return self._texts[name]

    def document(self, name: str) -> Any:
        if name not in self._parsed:
            self._parsed[name] = self._parse(self._texts[name].encode())
        return self._parsed[name]

    @cached_property
    def _texts(self) -> dict[str, str]:
        entries = sorted(files(__package__).iterdir(), key=lambda entry: entry.name)
        found = [entry for entry in entries if entry.name.endswith(_SUFFIX)]
        return {entry.name.removesuffix(_SUFFIX): entry.read_text(encoding="utf-8") for entry in found}
