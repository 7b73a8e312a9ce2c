"""What the tests of OSCP over HTTP share: the loop, and a place for what a test opens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def closing() -> AsyncIterator[AsyncExitStack]:
    """What a test opens and need not close by itself."""
    async with AsyncExitStack() as stack:
        yield stack
