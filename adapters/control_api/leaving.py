"""Work that ends when the client who asked for it has left."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from litestar.types import Receive

from depot_sim.adapters.control_api.problems import ClientDisconnected
from depot_sim.connection_guard import current_connection

T = TypeVar("T")


async def while_client_waits(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """The result of the work, which is cancelled when the client leaves. Raises ClientDisconnected then."""
    connection = current_connection()
    if connection is not None:
        connection.close_with_input()  # a client that only closes its side has left: nothing else shows it
    working, leaving = asyncio.create_task(work), asyncio.create_task(client_left(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnected("the client left before the answer")
    finally:
        leaving.cancel()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def client_left(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
