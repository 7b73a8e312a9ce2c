"""`depot-sim serve`: the control API over HTTP, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys
from pathlib import Path

from depot_sim.adapters.cli.arguments import DEFAULT_PORT, Subcommands
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import ServeRequest, Toolbox
from depot_sim.connection_guard.options import HELP
from depot_sim.domain.kernel.errors import Fault, InvalidInput

DEFAULT_DB = "sqlite:///depot-sim.db"
_EPILOG = """
Runs in the store that no process holds are resumed. The service listens on other addresses than loopback only with
tokens. DEPOT_SIM_TOKENS holds them as NAME:ROLE:TOKEN, separated by commas, the tokens file holds one a line; roles
are viewer and operator. docs/security.md says who may send what to which address.
"""


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("serve", help="serve the control API", description=__doc__, epilog=_EPILOG)
    command.add_argument("--db", metavar="URL", help=f"the event store (default: DEPOT_SIM_DB, or {DEFAULT_DB})")
    command.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="default: 127.0.0.1")
    command.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, metavar="N", help=f"default: {DEFAULT_PORT}; 0: any"
    )
    command.add_argument("--ready-file", type=Path, metavar="FILE", help="gets URL and process id as JSON when ready")
    command.add_argument(
        "--secrets",
        type=Path,
        metavar="FOLDER",
        help="secrets that requests may refer to, one file each (default: DEPOT_SIM_SECRETS); more in variables "
        "DEPOT_SIM_SECRET_NAME; each at least 8 characters",
    )
    command.add_argument(
        "--kept-secrets",
        type=Path,
        metavar="FOLDER",
        help="where secrets given by partners are kept (default: DEPOT_SIM_KEPT_SECRETS, or FILE.secrets beside an "
        "SQLite file, or depot-sim.secrets with PostgreSQL)",
    )
    command.add_argument("--limit", action="append", default=[], metavar="NAME=VALUE", help=HELP)
    command.add_argument(
        "--tokens-file",
        type=Path,
        metavar="FILE",
        help="tokens, one NAME:ROLE:TOKEN a line, read again when the file changes (default: DEPOT_SIM_TOKENS_FILE)",
    )
    command.add_argument(
        "--open",
        action="append",
        default=[],
        dest="opened",
        metavar="NAME",
        help="take messages to sessions without inbound credentials beyond loopback; NAME is oscp; repeatable",
    )
    command.add_argument(
        "--trusted-proxy",
        action="append",
        default=[],
        dest="trusted_proxies",
        type=_address,
        metavar="ADDRESS",
        help="take the client's address from X-Forwarded-For of requests from this proxy; repeatable",
    )
    command.add_argument("--log-format", choices=("json", "text"), help="default: text on a terminal, json otherwise")
    command.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace, toolbox: Toolbox, _terminal: Terminal) -> ExitCode:
    tokens = os.environ.get("DEPOT_SIM_TOKENS", "").split(",")
    log_format = arguments.log_format or ("text" if sys.stderr.isatty() else "json")
    request = ServeRequest(
        db=arguments.db or os.environ.get("DEPOT_SIM_DB") or DEFAULT_DB,
        host=arguments.host,
        port=arguments.port,
        tokens=tuple(token.strip() for token in tokens if token.strip()),
        ready_file=arguments.ready_file,
        json_logs=log_format == "json",
        limits=tuple(arguments.limit),
        kept_secrets=arguments.kept_secrets or _path("DEPOT_SIM_KEPT_SECRETS"),
        secrets=arguments.secrets or _path("DEPOT_SIM_SECRETS"),
        tokens_file=arguments.tokens_file or _path("DEPOT_SIM_TOKENS_FILE"),
        opened=tuple(arguments.opened),
        trusted_proxies=tuple(arguments.trusted_proxies),
    )
    try:
        toolbox.serve(request)
    except InvalidInput as error:
        raise InvalidInput([_as_typed(fault, request) for fault in error.faults], error.detail, error.hint) from None
    return ExitCode.OK


def _as_typed(fault: Fault, request: ServeRequest) -> Fault:
    """The fault with the option or variable that the user has typed as its place."""
    setting, _, number = fault.pointer.removeprefix("/").partition("/")
    match setting:
        case "tokens":
            place = f"DEPOT_SIM_TOKENS, token {int(number) + 1}"
        case "tokens_file":
            line = f" line {fault.line}" if fault.line else ""
            place = f"--tokens-file {request.tokens_file}{line}"
        case "host" | "open" | "limit" | "ready_file" | "secrets":
            place = f"--{setting.replace('_', '-')}"
        case _:
            return fault
    return Fault(place, fault.found, fault.expected)


def _path(variable: str) -> Path | None:
    text = os.environ.get(variable)
    return Path(text) if text else None


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected an IP address such as 127.0.0.1") from None


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a port from 0 to 65535")
    return int(text)
