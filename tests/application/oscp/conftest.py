"""Service processes on one event store, with one partner and one clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import pytest

from depot_sim.adapters.event_store import EventStore, open_event_store
from tests.application.oscp.processes import FakePartner, OscpProcess, WallClock

Start = Callable[[str], OscpProcess]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def store() -> Iterator[EventStore]:
    with open_event_store("memory:") as opened:
        yield opened


@pytest.fixture
def clock() -> WallClock:
    return WallClock()


@pytest.fixture
def partner() -> FakePartner:
    return FakePartner()


@pytest.fixture
async def processes(store: EventStore, clock: WallClock, partner: FakePartner) -> AsyncIterator[Start]:
    """Starts processes by the name of their owner."""
    async with AsyncExitStack() as closing:

        def start(owner: str) -> OscpProcess:
            process = OscpProcess(store, clock, owner, partner)
            closing.push_async_callback(process.close)
            return process

        yield start


@pytest.fixture
async def process(processes: Start) -> OscpProcess:
    return processes("here")


@pytest.fixture
async def session(process: OscpProcess) -> str:
    """The id of a session of run "r", which is moved by hand; the session is on wall time."""
    await process.start()
    return await process.attach()
