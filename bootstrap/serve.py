"""Serving until a signal: bind, open, say where, stop in order."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import msgspec
import uvicorn

from depot_sim.adapters.cli.output_files import write_whole
from depot_sim.adapters.event_store.sqlite_version import loaded_library
from depot_sim.adapters.event_store.url import SqliteUrl, parse_store_url
from depot_sim.adapters.front_door.rules import is_loopback_name
from depot_sim.adapters.http import Secrets
from depot_sim.adapters.memory_limits import ProcessMemory, save_address_space
from depot_sim.application.memory import MemoryBudget
from depot_sim.bootstrap.families import FAMILIES, load_families
from depot_sim.bootstrap.front_door import check_reach
from depot_sim.bootstrap.given_secrets import open_secrets
from depot_sim.bootstrap.http import RESPONSE_SECONDS_WHEN_STOPPING, HttpSide
from depot_sim.bootstrap.limits import allow_bodies, read_limits
from depot_sim.bootstrap.listening import listening, several
from depot_sim.bootstrap.logs import configure_logs
from depot_sim.bootstrap.memory_watch import MemoryWatch
from depot_sim.bootstrap.msgspec_types import build_types
from depot_sim.bootstrap.service import open_service, surfaces_of
from depot_sim.bootstrap.settings import Identity, Settings
from depot_sim.connection_guard import Limits
from depot_sim.connection_guard.open_files import allow_open_files
from depot_sim.domain.kernel.errors import Fault, InvalidInput

_THREADS = 32  # reads of the stores; the default follows the number of cores, but these wait rather than compute
_MOST_THREADS = _THREADS + 20  # projectors, parsers, the journal, the tail, name look-ups
# A full collection walks every object of every world, 40 ms with 1,000 buses. By default requests under way bring one
# about twice a second; seldom enough, they cost no more.
_COLLECT_AFTER = (10_000, 20, 100)
_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_log = logging.getLogger("depot_sim.service")


class Ready(msgspec.Struct, frozen=True):
    """What is written to the ready file."""

    url: str
    pid: int


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, then finish what is under way and give every run back.

    Both signals are ignored once it has served: the process has to end then.

    Raises InvalidInput for bad settings, StoreError for a store that cannot be used, AddressUnavailable, and
    MemoryReserveGone when it has stopped because its memory is used up.
    """
    faulthandler.enable()
    save_address_space()
    load_families(FAMILIES)
    check_reach(settings, surfaces_of(FAMILIES))
    check_ready_file(settings)
    limits: Limits = read_limits(settings.limits)
    secrets = open_secrets(settings)
    configure_logs(settings.log_format, secrets.mask)
    build_types()
    gc.set_threshold(*_COLLECT_AFTER)
    process_memory = ProcessMemory(_MOST_THREADS)
    memory = MemoryBudget(process_memory)
    memory.require_reserve()
    limits = allow_bodies(allow_open_files(limits), process_memory.room())
    try:
        with listening(settings.host, settings.port) as listener, asyncio.Runner(loop_factory=_loop_factory()) as loop:
            loop.run(_serve(settings, listener, secrets, limits, memory))
    except MemoryError:
        raise memory.exhausted() from None
    finally:
        _ignore_blocked_signals()


def check_ready_file(settings: Settings) -> None:
    """Before anything is opened: whoever waits for the file would wait in vain. Raises InvalidInput."""
    if settings.ready_file is None:
        return
    folder = settings.ready_file.absolute().parent
    if not folder.is_dir():
        found, expected = f"{settings.ready_file}, whose folder does not exist", "a file in a folder that exists"
    elif settings.ready_file.is_dir():
        found, expected = f"{settings.ready_file}, which is a folder", "a file"
    elif not os.access(folder, os.W_OK | os.X_OK):
        found, expected = f"{settings.ready_file}, whose folder cannot be written", "a folder this user may write to"
    else:
        return
    raise InvalidInput([Fault("/ready_file", found, expected)], "the ready file cannot be written")


async def _serve(
    settings: Settings, listener: socket.socket, secrets: Secrets, limits: Limits, memory: MemoryBudget
) -> None:
    url = _url(settings.host, listener)
    identity = Identity(owner_of(settings.host, url), url)
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, "work"))
    for number in _SIGNALS:
        loop.add_signal_handler(number, stopping.set)
    watch = MemoryWatch(memory, stopping.set)
    with watch.installed():
        async with open_service(settings, identity, secrets, memory) as service:
            http = HttpSide(service, limits)
            server = _Server(http.config(), lambda: _announce(settings, url))
            tasks = [asyncio.create_task(_stop_when_asked(stopping, http, server)), asyncio.create_task(watch.run())]
            try:
                await server.serve(sockets=several(listener))
            finally:
                for task in tasks:
                    task.cancel()
    # The loop restores the default actions of signals when it closes: none may reach this thread then.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    _log.info("stopped")
    if watch.gone is not None:
        raise watch.gone


def _ignore_blocked_signals() -> None:
    """Those that `_serve` has blocked for its own thread; threads of libraries may be left, and get them."""
    for number in signal.pthread_sigmask(signal.SIG_BLOCK, ()).intersection(_SIGNALS):
        signal.signal(number, signal.SIG_IGN)


async def _stop_when_asked(stopping: asyncio.Event, http: HttpSide, server: uvicorn.Server) -> None:
    await stopping.wait()
    _log.info("stopping")
    server.should_exit = True
    await http.stop()
    await asyncio.sleep(RESPONSE_SECONDS_WHEN_STOPPING)
    http.cut_off()


class _Server(uvicorn.Server):
    """Leaves signals to us, and tells when it answers."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _announce(settings: Settings, url: str) -> None:
    sqlite = loaded_library() if isinstance(parse_store_url(settings.db), SqliteUrl) else None
    print(f"depot-sim serves {url}" + (f" with {sqlite}" if sqlite is not None else ""), flush=True)
    library = {"sqlite": sqlite.version, "wal_reset_fixed": sqlite.wal_reset_fixed} if sqlite is not None else {}
    _log.info("ready", extra={"url": url, **library})
    if settings.ready_file is not None:
        write_whole(settings.ready_file, msgspec.json.encode(Ready(url, os.getpid())))


def _url(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def owner_of(host: str, url: str) -> str:
    """Where others find this process. An address that every machine has needs the machine's name beside it."""
    everywhere = is_loopback_name(host) or host in ("0.0.0.0", "::", "")  # noqa: S104 - compared, not bound
    return f"{url}#{socket.gethostname()}" if everywhere else url


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
