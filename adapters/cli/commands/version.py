"""`depot-sim version`: what is installed here."""

from __future__ import annotations

import argparse
import platform

from depot_sim.adapters.cli.arguments import Subcommands, add_json
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Toolbox


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser(
        "version", help="the versions of depot-sim, Python, the store and SQLite", description=__doc__
    )
    add_json(command)
    command.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    python, sqlite = platform.python_version(), toolbox.sqlite
    if arguments.json:
        terminal.json(
            {
                "version": toolbox.version,
                "python": python,
                "store_schema": toolbox.store_schema,
                "sqlite": {"version": sqlite.version, "wal_reset_fixed": sqlite.wal_reset_fixed},
            }
        )
    else:
        store = f"store schema {toolbox.store_schema}"
        terminal.text(f"depot-sim {toolbox.version}, Python {python}, {store}, {sqlite}\n")
    return ExitCode.OK
