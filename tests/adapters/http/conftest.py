"""What the tests of HTTP to partners share: the loop, and peers on real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from depot_sim.adapters.http import AiohttpPartner, Secrets
from tests.adapters.http.peers import CERTIFICATES, Clock


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def closing() -> AsyncIterator[AsyncExitStack]:
    """What a test opens and need not close by itself."""
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def secrets() -> Secrets:
    """With the certificates as the folder of secrets."""
    return Secrets(folder=CERTIFICATES)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def partner(secrets: Secrets, clock: Clock) -> AsyncIterator[AiohttpPartner]:
    opened = AiohttpPartner(secrets, clock)
    yield opened
    await opened.close()
