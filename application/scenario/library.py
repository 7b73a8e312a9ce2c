"""Scenarios by name, wherever they come from."""

from __future__ import annotations

from typing import Any, Protocol


class Library(Protocol):
    """Scenarios that come along."""

    def names(self) -> tuple[str, ...]: ...

    def text(self, name: str) -> str:
        """YAML. Raises KeyError."""

    def document(self, name: str) -> Any:
        """The same as dicts, lists and scalars. Raises KeyError."""
