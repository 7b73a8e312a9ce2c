"""Pages of a list: how long they may be."""

from __future__ import annotations

from depot_sim.read_models.errors import QueryRefused

LARGEST_PAGE = 1000
NEWEST = (1 << 63) - 1
"""Beyond every position."""


def check_limit(limit: int) -> None:
    """Raises QueryRefused."""
    if not 1 <= limit <= LARGEST_PAGE:
        raise QueryRefused(
            "limit", f"{limit} is no size of a page", f"ask for 1 to {LARGEST_PAGE} and follow the pages"
        )
