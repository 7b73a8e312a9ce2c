"""`depot-sim runs`: the runs of a server or a store, the newest first; stop, pause or resume one of a server."""

from __future__ import annotations

import argparse
from urllib.parse import quote

import msgspec

from depot_sim.adapters.cli.arguments import Subcommands, add_json, add_server, count
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.source import add_source, open_source, server
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Toolbox

_ACTIONS = {
    "stop": "end a run for good",
    "pause": "let a run stand still",
    "resume": "let a paused run go on",
}


class _Outcome(msgspec.Struct):
    run_id: str
    status: str
    time: str


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("runs", help="list runs; stop, pause or resume one", description=__doc__)
    command.add_argument("--limit", type=count, default=100, metavar="N", help="at most so many (default: 100)")
    add_source(command)
    add_json(command)
    command.set_defaults(execute=execute)
    actions = command.add_subparsers(title="actions on a run of a server", metavar="ACTION")
    for name, what in _ACTIONS.items():
        action = actions.add_parser(name, help=what, description=change.__doc__)
        action.add_argument("run", metavar="RUN_ID")
        add_server(action)
        add_json(action)
        action.set_defaults(execute=change, action=name)


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


def change(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """End a run for good, let it stand still, or let it go on; how it stands then."""
    path = f"/simulation-runs/{quote(arguments.run, safe='')}/commands/{arguments.action}"
    with server(arguments) as client:
        answer = client.post(path, b"{}")
    if arguments.json:
        terminal.json(msgspec.Raw(answer))
    else:
        outcome = msgspec.json.decode(answer, type=_Outcome)
        terminal.text(f"{outcome.run_id} {outcome.status} at {outcome.time}\n")
    return ExitCode.OK
