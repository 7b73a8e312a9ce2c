"""`depot-sim world`: the whole depot of a run, now or at any earlier moment."""

from __future__ import annotations

import argparse

from depot_sim.adapters.cli.arguments import Subcommands, add_json
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.source import add_source, open_source
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Toolbox
from depot_sim.adapters.cli.world_tables import tables


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("world", help="the world of a run, now or earlier", description=__doc__)
    command.add_argument("run_id", metavar="RUN_ID")
    command.add_argument("--at", metavar="TIME", help="RFC 3339, or +90min since the run's start (default: now)")
    add_source(command)
    add_json(command)
    command.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    with open_source(arguments, toolbox) as source:
        world = source.world(arguments.run_id, arguments.at)
    if arguments.json:
        terminal.json(world)
        return ExitCode.OK
    terminal.text(f"run {world.run_id}, {world.status.value.lower()}, {world.time}, event {world.version:,}\n")
    for table in tables(world):
        terminal.text("\n")
        terminal.table(table.columns, table.rows, right=table.right)
    return ExitCode.OK
