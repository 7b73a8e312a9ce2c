"""`depot-sim interventions`: what was done on purpose to the sessions and feeds of a run, and how to end it all."""

from __future__ import annotations

import argparse
from urllib.parse import quote

import msgspec

from depot_sim.adapters.cli.arguments import Subcommands, add_json, add_server, count
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.source import server
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Toolbox


class _Line(msgspec.Struct):
    """What people see of an intervention."""

    id: str
    name: str
    reason: str
    target: str
    begun_at: str
    ended_at: str | None
    ended_by: str | None


class _Page(msgspec.Struct):
    interventions: list[msgspec.Raw]


class _ResetTarget(msgspec.Struct):
    kind: str
    target: str
    interventions: list[str]
    expectations: list[str]


class _Reset(msgspec.Struct):
    reset: list[_ResetTarget]


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("interventions", help="what was done on purpose", description=__doc__)
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)
    action = actions.add_parser("list", help="list those of a run", description=list_.__doc__)
    action.add_argument("run", metavar="RUN_ID")
    action.add_argument("--in-force", action="store_true", help="only those that have not ended")
    action.add_argument("--limit", type=count, default=100, metavar="N", help="at most so many (default: 100)")
    _finish(action, list_)
    action = actions.add_parser("show", help="one intervention, whole", description=show.__doc__)
    action.add_argument("intervention_id", metavar="ID")
    _finish(action, show)
    action = actions.add_parser("reset", help="end all of a run", description=reset.__doc__)
    action.add_argument("run", metavar="RUN_ID")
    _finish(action, reset)


def list_(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """Overrides and commands such as force-state, over or not, the newest first. Times are those of their targets."""
    query: dict[str, str | int] = {"limit": arguments.limit}
    if arguments.in_force:
        query["in_force"] = "true"
    with server(arguments) as client:
        found = msgspec.json.decode(client.get(f"{_run(arguments)}/interventions", query), type=_Page).interventions
    if arguments.json:
        terminal.json(found)
    elif found:
        lines = [msgspec.json.decode(line, type=_Line) for line in found]
        rows = [(line.id, line.name, line.target, line.begun_at, _end(line), line.reason) for line in lines]
        terminal.table(("intervention", "name", "target", "begun", "ended", "reason"), rows, whole=("begun", "ended"))
    else:
        terminal.say("nothing was done on purpose")
    return ExitCode.OK


def show(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """What a packet or message names by this id, also when it is long over."""
    with server(arguments) as client:
        answer = client.get(f"/interventions/{quote(arguments.intervention_id, safe='')}")
    if arguments.json:
        terminal.json(msgspec.Raw(answer))
    else:
        line = msgspec.json.decode(answer, type=_Line)
        reason = f", because: {line.reason}" if line.reason else ""
        terminal.text(f"{line.id} {line.name} on {line.target} from {line.begun_at} to {_end(line)}{reason}\n")
    return ExitCode.OK


def reset(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """End all interventions in a run and call off all expectations, as between two tests. Its history stays."""
    with server(arguments) as client:
        answer = client.post(f"{_run(arguments)}/reset", b"")
    found = msgspec.json.decode(answer, type=_Reset).reset
    if arguments.json:
        terminal.json(msgspec.Raw(answer))
    else:
        for one in found:
            counts = f"{len(one.interventions)} interventions, {len(one.expectations)} expectations"
            terminal.text(f"{one.kind} {one.target}: {counts}\n")
        if not found:
            terminal.say("nothing to end")
    return ExitCode.OK


def _run(arguments: argparse.Namespace) -> str:
    return f"/simulation-runs/{quote(arguments.run, safe='')}"


def _end(line: _Line) -> str:
    return "in force" if line.ended_at is None else f"{line.ended_at} ({line.ended_by})"


def _finish(action: argparse.ArgumentParser, execute: object) -> None:
    add_server(action)
    add_json(action)
    action.set_defaults(execute=execute)
