"""`python -m standin`: options, and nothing else."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import sys
from collections.abc import Sequence
from pathlib import Path

from standin.server import PACKET_PATH, Settings, serve
from standin.tokens import Client, Gatekeeper

_EPILOG = """\
Connections are configured over HTTP: PUT /control/connections/{configuration id}. Sensor packets need no configuration;
PUT /control/packet-devices names their devices and sensor actions. GET / shows how everything stands.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 after a signal, 1 for an address that cannot be had."""
    options = _parser().parse_args(arguments)
    settings = Settings(
        host=options.host,
        port=options.port,
        prefix=options.prefix.rstrip("/"),
        ready_file=options.ready_file,
        packet_paths=tuple(dict.fromkeys((PACKET_PATH, *options.packet_path))),
    )
    try:
        asyncio.run(serve(settings, Gatekeeper(options.oauth_client, options.authorization)))
    except OSError as problem:
        print(f"stand-in cannot serve {options.host}:{options.port}: {problem.strerror}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="standin",
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
    return parser


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


if __name__ == "__main__":
    faulthandler.enable()
    sys.exit(main())
