"""The full set of tests: what `pytest --full` and `make coverage` run, of which `make test` runs a named part.

A test that is only in the full set is marked `full`, or is a parameter given by `only_full`; another test or parameter
of the same kind stays in the part. Property tests with a number of examples of their own take it from `examples`.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings

PROFILE = "full"
"""Name of the Hypothesis profile while the full set runs."""
PART_EXAMPLES = 30
"""How many examples a property test tries that names no number itself; in the full set 100."""


def is_full() -> bool:
    return settings.get_current_profile_name() == PROFILE


def examples(full: int, part: int = PART_EXAMPLES) -> int:
    """How many examples a property test tries: `full` of them in the full set, at most `part` otherwise."""
    return full if is_full() else min(full, part)


def only_full(*values: Any, id: str | None = None) -> Any:
    """A parameter that is only in the full set."""
    return pytest.param(*values, id=id, marks=pytest.mark.full)
