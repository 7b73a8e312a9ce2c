"""Where runs, worlds, events and configurations are read from: a server, or straight from a store."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from depot_sim.adapters.cli.arguments import DEFAULT_URL
from depot_sim.adapters.cli.lines import ConfigurationLine, EventLine, RunLine
from depot_sim.adapters.cli.toolbox import Toolbox
from depot_sim.application.run.views import WorldView

if TYPE_CHECKING:
    from depot_sim.adapters.cli.client import Client


class Source(Protocol):
    """Every method raises NotFound or what the server answers, and StoreError or Unreachable."""

    def runs(self, limit: int) -> list[RunLine]:
        """The newest first."""

    def world(self, run_id: str, at: str | None) -> WorldView:
        """Now, or at an RFC 3339 time, or at "+90 min" since the run's start."""

    def events(self, run_id: str, *, after: int, types: Sequence[str], follow: bool) -> Iterator[EventLine]:
        """In order, each once; with `follow` it goes on as events come."""

    def configuration(self, id: str, version: int | None) -> ConfigurationLine: ...


def add_source(parser: argparse.ArgumentParser) -> None:
    """--url and --token, or --db."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--url", metavar="URL", help=f"of the server (default: DEPOT_SIM_URL, or {DEFAULT_URL})")
    where.add_argument("--db", metavar="URL", help="read straight from this store, without a server")
    parser.add_argument("--token", metavar="TOKEN", help="for the server (default: DEPOT_SIM_TOKEN)")


@contextmanager
def open_source(arguments: argparse.Namespace, toolbox: Toolbox) -> Iterator[Source]:
    """The source that the arguments name."""
    if arguments.db is not None:
        from depot_sim.adapters.cli.store_source import StoreSource

        with toolbox.read_log(arguments.db) as log:
            yield StoreSource(log)
    else:
        from depot_sim.adapters.cli.server_source import ServerSource

        with server(arguments) as client:
            yield ServerSource(client)


def server(arguments: argparse.Namespace) -> Client:
    """A client of the server that the arguments or the environment name."""
    from depot_sim.adapters.cli.client import Client

    url = arguments.url or os.environ.get("DEPOT_SIM_URL") or DEFAULT_URL
    return Client(url, arguments.token or os.environ.get("DEPOT_SIM_TOKEN"))
