"""The command line of the stand-in: options, and nothing else."""

from __future__ import annotations

import argparse
import asyncio
import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from depot_sim.connection_guard import Limits
from depot_sim.connection_guard.open_files import allow_open_files
from depot_sim.connection_guard.options import CONNECTION_LIMITS, HELP, read_options
from depot_sim.standin.door import SURFACES, Access
from depot_sim.standin.server import PACKET_PATH, Settings, serve
from depot_sim.standin.tokens import Client, Gatekeeper

_USAGE = 2
_UNREACHABLE = 3
_EPILOG = """\
Connections are configured over HTTP: PUT /control/connections/{configuration id}. Sensor packets need no configuration;
PUT /control/packet-devices names their devices and sensor actions. GET / shows how everything stands.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 after a signal, 2 for options that cannot be, 3 for an address that cannot be had."""
    options = _parser().parse_args(arguments)
    access = Access(host=options.host, tokens=_tokens(options.token), opened=frozenset(options.open))
    fault = access.fault
    if fault is not None:
        _complain(*fault)
        return _USAGE
    limits, faults = read_options(options.limit, CONNECTION_LIMITS)
    for found, expected in faults:
        _complain(f"--limit: found {found}", expected)
    if faults:
        return _USAGE
    settings = Settings(
        host=options.host,
        port=options.port,
        prefix=options.prefix.rstrip("/"),
        access=access,
        limits=allow_open_files(Limits(**limits)),  # type: ignore[arg-type]  # whole numbers where the field has them
        ready_file=options.ready_file,
        packet_paths=tuple(dict.fromkeys((PACKET_PATH, *options.packet_path))),
    )
    try:
        asyncio.run(serve(settings, Gatekeeper(options.oauth_client, options.authorization)))
    except OSError as problem:
        _complain(*_told(problem, options.host, options.port))
        return _UNREACHABLE
    return 0


class _Parser(argparse.ArgumentParser):
    """Complains as the rest of depot-sim does."""

    def error(self, message: str) -> NoReturn:
        _complain(message, f"see {self.prog} --help")
        self.exit(_USAGE)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="depot-sim standin",
        description="A platform to test a depot with: an OSCP 2.0 flexibility provider that takes sensor packets in.",
        epilog=_EPILOG,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to serve (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8430, help="port, 0 for any that is free (default: %(default)s)")
    parser.add_argument("--prefix", default="/oscp", help="path in front of /fp/2.0/... (default: %(default)s)")
    parser.add_argument(
        "--packet-path",
        action="append",
        default=[],
        type=_path,
        metavar="PATH",
        help=f"take sensor packets in there too, besides {PACKET_PATH}; repeatable",
    )
    parser.add_argument(
        "--ready-file", type=Path, metavar="PATH", help="write {url, pid} there as JSON once it answers"
    )
    parser.add_argument("--limit", action="append", default=[], metavar="NAME=VALUE", help=HELP)
    parser.add_argument(
        "--oauth-client",
        type=_client,
        metavar="ID:SECRET",
        help="issue bearer tokens to this client at POST /oauth/token, and let no protocol message pass without one",
    )
    parser.add_argument(
        "--authorization",
        action="append",
        default=[],
        metavar="VALUE",
        help='let messages with this Authorization header pass ("Token abc"), and none without; repeatable',
    )
    parser.add_argument(
        "--token",
        action="append",
        default=[],
        metavar="TOKEN",
        help="let requests with Authorization: Bearer TOKEN pass, and no others but those to opened surfaces; "
        "repeatable (default: STANDIN_TOKENS, separated by commas)",
    )
    parser.add_argument(
        "--open",
        action="append",
        default=[],
        choices=SURFACES,
        metavar="NAME",
        help=f"take requests to this surface without a token: {', '.join(SURFACES)}; repeatable",
    )
    return parser


def _tokens(given: Sequence[str]) -> tuple[str, ...]:
    of_environment = os.environ.get("STANDIN_TOKENS", "").split(",")
    return tuple(token.strip() for token in given or of_environment if token.strip())


def _complain(what: str, hint: str) -> None:
    """An error as depot-sim writes it."""
    print(f"error: {what}\n  hint     {hint}", file=sys.stderr)


def _told(problem: OSError, host: str, port: int) -> tuple[str, str]:
    """What is wrong with an address, and what to do."""
    if problem.errno == errno.EADDRINUSE:
        hint = "stop the program that listens there, or name another port: --port N"
        return f"port {port} of {host} is already in use", hint
    return f"{host}:{port} cannot be listened on: {problem.strerror}", "name another address with --host and --port"


def _path(text: str) -> str:
    path = text.rstrip("/")
    if not path.startswith("/") or {"{", "}"} & set(path):
        raise argparse.ArgumentTypeError("expected a path such as /ingest/packets")
    return path


def _client(text: str) -> Client:
    id, colon, secret = text.partition(":")
    if not (id and colon and secret):
        raise argparse.ArgumentTypeError("expected ID:SECRET")
    return Client(id, secret)
