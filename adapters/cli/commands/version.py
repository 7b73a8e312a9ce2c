"""`depot-sim version`: what is installed here."""

from __future__ import annotations

import argparse
import platform

from adapters.cli.arguments import Subcommands, add_json
from adapters.cli.exit_codes import ExitCode
from adapters.cli.terminal import Terminal
from adapters.cli.toolbox import Toolbox


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser(
        "version", help="the versions of depot-sim, Python and the store", description=__doc__
    )
    add_json(command)
    command.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    if arguments.json:
        python = platform.python_version()
        terminal.json({"version": toolbox.version, "python": python, "store_schema": toolbox.store_schema})
    else:
        store = f"store schema {toolbox.store_schema}"
        terminal.text(f"depot-sim {toolbox.version}, Python {platform.python_version()}, {store}\n")
    return ExitCode.OK
