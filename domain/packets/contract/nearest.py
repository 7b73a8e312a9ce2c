"""What somebody may have meant who wrote a name that there is not."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from depot_sim.domain.kernel.problems import one_of

_LISTED = 40


def nearest(name: str, known: Collection[str]) -> str:
    """The names most like it, or all when there are none and they are few."""
    by_upper = {one.upper(): one for one in known}
    near = get_close_matches(name[:100].upper(), by_upper, n=3)
    if near:
        return " or ".join(by_upper[one] for one in near)
    return one_of(list(known)[:_LISTED])
