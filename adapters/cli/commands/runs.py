"""`depot-sim runs`: the runs of a server or a store, the newest first."""

from __future__ import annotations

import argparse

from depot_sim.adapters.cli.arguments import Subcommands, add_json, count
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.source import add_source, open_source
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Toolbox


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("runs", help="list runs", description=__doc__)
    command.add_argument("--limit", type=count, default=100, metavar="N", help="at most so many (default: 100)")
    add_source(command)
    add_json(command)
    command.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    with open_source(arguments, toolbox) as source:
        runs = source.runs(arguments.limit)
    if arguments.json:
        terminal.json(runs)
    elif runs:
        rows = [(run.id, run.status, run.name, run.seed, run.time[:19].replace("T", " ")) for run in runs]
        terminal.table(("run", "status", "depot", "seed", "logical time"), rows, right=("seed",))
    else:
        terminal.say("no runs yet")
    return ExitCode.OK
