"""Open stores: the same tests run against every database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.projections.samples import Stores, opened


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    """An empty log and empty read models on every database."""
    fixtures = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}
    url = request.getfixturevalue(fixtures[request.param]) if request.param in fixtures else "memory:"
    with opened(url) as both:
        yield both


@pytest.fixture
def memory() -> Iterator[Stores]:
    """An empty log and empty read models in memory."""
    with opened("memory:") as both:
        yield both
