"""The port for new identifiers: the pure layers never draw one themselves."""

from __future__ import annotations

from typing import Protocol


class IdSource(Protocol):
    def new_id(self) -> str:
        """A text never given before, of letters, digits and hyphens."""
