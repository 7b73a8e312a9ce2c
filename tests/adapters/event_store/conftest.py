"""Open stores: the same tests run against every one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from depot_sim.adapters.event_store import EventStore, open_event_store

_FIXTURES = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[EventStore]:
    """An open, empty store on every database."""
    url = request.getfixturevalue(_FIXTURES[request.param]) if request.param in _FIXTURES else "memory:"
    with open_event_store(url) as opened:
        yield opened


@pytest.fixture
def shared_store(postgres_url: str) -> Iterator[EventStore]:
    """An open, empty store that several processes may share."""
    with open_event_store(postgres_url) as opened:
        yield opened
