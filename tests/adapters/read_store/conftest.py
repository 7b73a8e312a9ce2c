"""Open read stores: the same tests run against every database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from depot_sim.adapters.read_store import open_read_store
from depot_sim.read_models.store import ModelStore
from tests.adapters.read_store.samples import MODEL


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Where nothing has been stored yet."""
    fixtures = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}
    found: str = request.getfixturevalue(fixtures[request.param]) if request.param in fixtures else "memory:"
    return found


@pytest.fixture
def store(url: str) -> Iterator[ModelStore]:
    """An empty read model on every database."""
    with closing(open_read_store(url, [MODEL])) as opened:
        yield opened[MODEL]
