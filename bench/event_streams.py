"""A thousand event streams whose clients never read: `python -m bench.event_streams`.

The service runs on one core. Meanwhile other clients ask for /livez and for a run, one request after the other; one
of them opens a connection for each. Memory is that of the service's process: before the streams, with all of them
after 500 ticks, and after the clients have left. The first round also fills what stays on purpose, such as the page
caches of connections to the store; the second shows that nothing else does.
"""

from __future__ import annotations

import http.client
import json
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from bench._day import depot
from bench._probe import Probe
from bench._processes import Server, send, server

STREAMS = 1_000
BACKLOG_TICKS = 20_000
TICKS = 500
BUSES = 20
_UNREAD = ("--limit", "event-stream-seconds=600", "--limit", "response-seconds=600")
_SERVE = ("depot_sim.bootstrap.main", "serve", *_UNREAD)  # ended by the clients, not by the limits
_READS = {
    "livez": ("/livez", True),
    "run": ("/simulation-runs/r", True),
    "run_on_new_connections": ("/simulation-runs/r", False),
}
"""What is read meanwhile, by the name of the figure: the path, and whether the client keeps its connection."""
_PAUSE_S = 0.02
_QUIET_S = 3
_SETTLE_S = 30
_PROBES_CORES = 0.3  # what the probes take by themselves, and a little more
_REQUEST = b"GET /events HTTP/1.1\r\nHost: %b\r\nAccept: text/event-stream\r\n\r\n"


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        server(Path(name), *_SERVE, "--db", f"sqlite:///{Path(name) / 'streams'}.db") as service,
    ):
        _prepare(service.url)
        _measure(service)


def _prepare(url: str) -> None:
    configuration = send("POST", f"{url}/simulation-configurations", depot(BUSES))
    run = {"configuration_id": configuration["id"], "run_id": "r", "tick": "1 s", "clock": {"mode": "MANUAL"}}
    send("POST", f"{url}/simulation-runs", run)
    _tick(url, BACKLOG_TICKS)


def _tick(url: str, ticks: int) -> None:
    for _ in range(ticks // 10):
        send("POST", f"{url}/simulation-runs/r/commands/tick", {"count": 10})


class Memory(NamedTuple):
    """Of the service's process, in MB."""

    before: float
    most: float
    after: float

    @property
    def given_back(self) -> float:
        return (self.most - self.after) / max(self.most - self.before, 0.1)


def _measure(service: Server) -> None:
    cpu = service.cpu_seconds()
    first = _round(service, "first")
    _print("event_streams_cpu", service.cpu_seconds() - cpu, "s")
    second = _round(service, "second")
    for name, memory in (("first", first), ("second", second)):
        for moment, value in memory._asdict().items():
            _print(f"event_streams_{name}_memory_{moment}", value, "MB")
    _print("event_streams_memory_each", (second.most - second.before) * 1_024 / STREAMS, "kB", at_most=60)
    _print("event_streams_second_given_back", second.given_back, "share", at_least=0.8)


def _round(service: Server, name: str) -> Memory:
    """A crowd that comes, stays during 500 ticks, and goes."""
    before = service.resident_mb()
    with ExitStack() as open_streams:
        with _probing(service.url, f"{name}_opening"):
            began = time.perf_counter()
            clients = [open_streams.enter_context(_client(service.url)) for _ in range(STREAMS)]
            _wait_for_heads(clients)
            _print(f"event_streams_{name}_all_served", time.perf_counter() - began, "s", at_most=15)
            _settle(service)
        opened = service.resident_mb()
        with _probing(service.url, f"{name}_ticking"):
            _tick(service.url, TICKS)
            _settle(service)
        most = service.resident_mb()
        _print(f"event_streams_{name}_memory_of_500_ticks", most - opened, "MB", at_most=20)
    while _open_requests(service.url) > 1:
        time.sleep(0.05)
    time.sleep(_QUIET_S)
    return Memory(before, most, service.resident_mb())


@contextmanager
def _probing(url: str, phase: str) -> Iterator[None]:
    probes = {name: Probe(url, path, pause=_PAUSE_S, kept=kept) for name, (path, kept) in _READS.items()}
    try:
        yield
    finally:
        times = {name: sorted(probe.end()) for name, probe in probes.items()}
    for name, took in times.items():
        _print(f"event_streams_{phase}_{name}_p99", took[int(len(took) * 0.99)] * 1_000, "ms", at_most=100)
        _print(f"event_streams_{phase}_{name}_longest", took[-1] * 1_000, "ms")


@contextmanager
def _client(url: str) -> Iterator[socket.socket]:
    address = urlsplit(url)
    client = socket.create_connection((address.hostname, address.port), timeout=60)
    client.sendall(_REQUEST % address.netloc.encode())
    try:
        yield client
    finally:
        client.close()


def _wait_for_heads(clients: list[socket.socket]) -> None:
    """Until each has been answered; nothing is taken out of the socket."""
    for client in clients:
        assert client.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 200"


def _settle(service: Server) -> None:
    """Until the service has done what it had to do; half a minute at most."""
    quiet, used = 0, service.cpu_seconds()
    for _ in range(_SETTLE_S):
        time.sleep(1)
        now = service.cpu_seconds()
        quiet, used = (quiet + 1 if now - used < _PROBES_CORES else 0), now
        if quiet == _QUIET_S:
            return


def _open_requests(url: str) -> float:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return next(
        float(line.split()[-1]) for line in text.splitlines() if line.startswith("depot_sim_http_requests_open")
    )


def _print(name: str, value: float, unit: str, **bound: float) -> None:
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, **bound}), flush=True)


if __name__ == "__main__":
    main()
