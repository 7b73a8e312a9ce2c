"""New identifiers: random, so that any number of processes may draw them."""

from __future__ import annotations

from uuid import uuid4


class RandomIds:
    def new_id(self) -> str:
        return str(uuid4())
