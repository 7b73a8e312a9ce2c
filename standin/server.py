"""The process: one provider and one packet intake behind one address, until a signal ends it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from msgspec import Struct

from depot_sim.connection_guard import ConnectionGuard, Limits
from depot_sim.standin.bodies import Bodies
from depot_sim.standin.control_api import ControlApi, explain_problems
from depot_sim.standin.door import ON_LOOPBACK, Access, Door
from depot_sim.standin.packets.api import PacketApi
from depot_sim.standin.packets.control import PacketControl
from depot_sim.standin.packets.intake import Intake
from depot_sim.standin.packets.platform import Platform
from depot_sim.standin.packets.settings import Settings as PacketSettings
from depot_sim.standin.page import StatePage
from depot_sim.standin.protocol_api import ProtocolApi
from depot_sim.standin.provider import Provider, wall_clock
from depot_sim.standin.tokens import Gatekeeper

PACKET_PATH = "/packets"
_GRACE_SECONDS = 0.1
LIMITS = Limits()


class Settings(Struct, frozen=True, kw_only=True):
    """How the process is reached, and where it says so."""

    host: str
    port: int
    prefix: str
    access: Access
    limits: Limits
    ready_file: Path | None
    packet_paths: Sequence[str] = (PACKET_PATH,)


class Ready(Struct, frozen=True):
    """What is written to the ready file."""

    url: str
    pid: int


async def serve(settings: Settings, gatekeeper: Gatekeeper) -> None:
    """Serve until SIGINT or SIGTERM. Raises OSError for an address that cannot be had."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with (
        open_app(gatekeeper, settings.prefix, settings.packet_paths, settings.access, settings.limits) as app,
        running(app, settings.host, settings.port, settings.limits) as url,
    ):
        _announce(url, settings.ready_file)
        await stopping.wait()


@asynccontextmanager
async def open_app(
    gatekeeper: Gatekeeper,
    prefix: str = "/oscp",
    packet_paths: Sequence[str] = (PACKET_PATH,),
    access: Access = ON_LOOPBACK,
    limits: Limits = LIMITS,
) -> AsyncIterator[web.Application]:
    """The whole stand-in as one aiohttp application.

    No connection to a peer is used twice: one that the peer closes just as a message is written would look like a
    fault of the network.
    """
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        provider = Provider(session, gatekeeper)
        intake = Intake(Platform(PacketSettings(), None, wall_clock()), wall_clock)
        door = Door(access, gatekeeper, prefix, packet_paths, Bodies(limits))
        app = web.Application(middlewares=[door.middleware, explain_problems])
        app.add_routes(ProtocolApi(provider).routes(prefix))
        app.add_routes(ControlApi(provider).routes())
        app.add_routes(PacketControl(intake).routes())
        app.add_routes(StatePage(provider, intake).routes())
        app.add_routes(PacketApi(intake, gatekeeper).routes(packet_paths))
        try:
            yield app
        finally:
            await provider.close()


@asynccontextmanager
async def running(app: web.Application, host: str, port: int, limits: Limits = LIMITS) -> AsyncIterator[str]:
    """The URL at which the application answers. A peer that goes away cancels the handler that keeps it waiting.

    The connection guard limits the size and the time of heads, idle connections, and connections in all.
    """
    log = logging.getLogger("standin.http")
    log.addFilter(_without_traceback)
    runner = web.AppRunner(
        app,
        handler_cancellation=True,
        access_log=None,
        logger=log,
        shutdown_timeout=_GRACE_SECONDS,
        max_line_size=limits.head_bytes,  # by itself aiohttp refuses lines of more than 8 kB
        max_field_size=limits.head_bytes,
    )
    await runner.setup()
    assert runner.server is not None, "the runner is set up"
    make, guard = runner.server, ConnectionGuard(limits)
    try:
        listener = await asyncio.get_running_loop().create_server(lambda: guard.connection(make), host, port)
        try:
            yield _url(host, listener.sockets[0].getsockname()[1])
        finally:
            listener.close()
    finally:
        await runner.cleanup()


def _without_traceback(record: logging.LogRecord) -> bool:
    """For a request that aiohttp cannot parse: the fault is the client's, and one line says what it is."""
    fault = record.exc_info[1] if record.exc_info else None
    if isinstance(fault, HttpProcessingError):
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.msg, record.args = "refused a request that breaks HTTP: %s", (" ".join(fault.message.split()),)
        record.exc_info = None
    return True


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _announce(url: str, ready_file: Path | None) -> None:
    if ready_file is not None:
        beside = ready_file.with_name(f".{ready_file.name}.{os.getpid()}")
        beside.write_bytes(msgspec.json.encode(Ready(url, os.getpid())))
        beside.replace(ready_file)  # whoever waits for it never sees half of it
    print(f"stand-in serves {url}", flush=True)
