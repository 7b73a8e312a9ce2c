"""Both event loops, and applications that are served."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.connection_guard.served import LIMITS, PATIENT, Site, served


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
async def closing() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def site(closing: AsyncExitStack) -> Site:
    return await served(closing, PATIENT)


@pytest.fixture
async def impatient(closing: AsyncExitStack) -> Site:
    return await served(closing, LIMITS)
