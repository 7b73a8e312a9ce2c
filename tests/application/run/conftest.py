"""Service processes on one event store, by a clock that only moves when it is told to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import pytest

from depot_sim.adapters.event_store import EventStore, open_event_store
from tests.application.run.processes import FakeClock, Process

Start = Callable[[str], Process]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def store() -> Iterator[EventStore]:
    with open_event_store("memory:") as opened:
        yield opened


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def processes(store: EventStore, clock: FakeClock) -> AsyncIterator[Start]:
    """Starts processes by the name of their owner."""
    async with AsyncExitStack() as closing:

        def start(owner: str) -> Process:
            process = Process(store, clock, owner)
            closing.push_async_callback(process.close)
            return process

        yield start


@pytest.fixture
async def process(processes: Start) -> Process:
    return processes("here")
