"""The database port of the queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Database(Protocol):
    """One read model's tables, to be read from any thread."""

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of one SELECT with `?` for parameters. It sees whole pages of events, and one build of the model."""
