"""How many connections are accepted in an iteration of the loop."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack

import uvloop

from depot_sim.bootstrap.listening import listening, several

CONNECTIONS = 100


def test_of_many_connections_the_last_waits_for_few_iterations() -> None:
    """By itself uvloop would take an iteration for each."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        assert loop.run(_iterations_until_all_are_accepted()) < CONNECTIONS / 4


async def _iterations_until_all_are_accepted() -> int:
    loop, accepted, iterations = asyncio.get_running_loop(), 0, 0

    class Counting(asyncio.Protocol):
        def connection_made(self, _: asyncio.BaseTransport) -> None:
            nonlocal accepted
            accepted += 1

    with listening("127.0.0.1", 0) as listener, ExitStack() as clients:
        servers = [await loop.create_server(Counting, sock=each, backlog=CONNECTIONS) for each in several(listener)]
        for _ in range(CONNECTIONS):
            clients.enter_context(socket.create_connection(listener.getsockname()))
        while accepted < CONNECTIONS:
            iterations += 1
            await asyncio.sleep(0)
        for server in servers:
            server.close()
    return iterations
