"""Processes with a store of toys each, on one event store."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from depot_sim.adapters.event_store import EventStore, open_event_store
from tests.application.channels.toy import ToyStore
from tests.application.run.conftest import anyio_backend, clock, process, processes
from tests.application.run.processes import FakeClock, Process

__all__ = ["anyio_backend", "clock", "process", "processes"]

Serve = Callable[[Process], ToyStore]


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Iterator[EventStore]:
    url = "memory:" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with open_event_store(url) as opened:
        yield opened


@pytest.fixture
def serve(clock: FakeClock) -> Serve:
    """A store of toys in a process."""
    return lambda process: ToyStore(process.store.log, process.journal, process.host, clock)


@pytest.fixture
async def toys(process: Process, serve: Serve) -> ToyStore:
    """With the toy "one" of run "r", which the process holds."""
    await process.start(seed=SEED)
    toys = serve(process)
    await toys.begin("r", "one")
    return toys


SEED = 7
"""Of the run."""
