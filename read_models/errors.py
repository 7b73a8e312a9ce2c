"""What a query may refuse."""

from __future__ import annotations


class QueryRefused(ValueError):
    """A parameter that cannot be answered: which one, what is wrong with it, and what would do."""

    def __init__(self, parameter: str, detail: str, hint: str) -> None:
        super().__init__(f"{parameter}: {detail}")
        self.parameter = parameter
        self.detail = detail
        self.hint = hint
