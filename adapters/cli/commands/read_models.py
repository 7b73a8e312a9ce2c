"""`depot-sim read-models`: how far the read models have come, and building them anew from the event log."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from depot_sim.adapters.cli.arguments import Subcommands, add_json
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.failures import UsageError
from depot_sim.adapters.cli.source import server
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Rebuilt, Toolbox
from depot_sim.domain.kernel.errors import NotFound

_VERDICTS = {True: "equal to the old tables", False: "DIFFERENT from the old tables", None: "not compared"}


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser(
        "read-models", help="rebuild read models, or see how far they are", description=__doc__
    )
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)
    action = actions.add_parser("rebuild", help="build them anew from the log", description=rebuild.__doc__)
    action.add_argument("name", metavar="NAME", nargs="?", help="of one read model; status lists them")
    action.add_argument("--all", action="store_true", help="one after the other")
    where = action.add_mutually_exclusive_group(required=True)
    where.add_argument("--db", metavar="URL", help="the event store; on SQLite while no service uses it")
    where.add_argument("--url", metavar="URL", help="of the service that uses the event store")
    action.add_argument("--token", metavar="TOKEN", help="for the service (default: DEPOT_SIM_TOKEN)")
    action.add_argument("--verify", action="store_true", help="compare new and old rows; exit code 1 if they differ")
    add_json(action)
    action.set_defaults(execute=rebuild)
    action = actions.add_parser("status", help="positions and lag", description=status.__doc__)
    action.add_argument("--db", metavar="URL", required=True, help="the event store")
    add_json(action)
    action.set_defaults(execute=status)


def rebuild(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    """Build read models anew beside the live ones and swap them in; a running service goes on answering.

    A SQLite file has one writing process: while a service uses it, name the service with --url.
    """
    rebuilt = [_rebuild(name, arguments, toolbox, terminal) for name in _names(arguments, toolbox)]
    if arguments.json:
        terminal.json([{"read_model": it.read_model, "position": it.position, "equal": it.equal} for it in rebuilt])
    else:
        rows = [(it.read_model, f"{it.position:,}", _VERDICTS[it.equal]) for it in rebuilt]
        terminal.table(("read model", "position", "rebuilt"), rows, right=("position",))
    return ExitCode.VERDICT_FAILED if any(it.equal is False for it in rebuilt) else ExitCode.OK


def status(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    """How far every read model has come, in positions of the log, and how far behind its head that is."""
    positions = toolbox.read_models.positions(arguments.db)
    if arguments.json:
        terminal.json(positions)
    else:
        rows = [(it.read_model, f"{it.position:,}", f"{it.lag:,}", _time(it.updated_at)) for it in positions]
        terminal.table(("read model", "position", "lag", "updated"), rows, right=("position", "lag"))
    return ExitCode.OK


def _names(arguments: argparse.Namespace, toolbox: Toolbox) -> tuple[str, ...]:
    names = toolbox.read_models.names
    if arguments.all == (arguments.name is not None):
        raise UsageError("either NAME or --all is needed", f"read models: {', '.join(names)}")
    if arguments.all:
        return names
    if arguments.name not in names:
        raise NotFound(f"no read model {arguments.name!r}", f"read models: {', '.join(names)}")
    return (arguments.name,)


def _rebuild(name: str, arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> Rebuilt:
    with terminal.progress(f"rebuilding {name}") as advance:
        if arguments.url is not None:
            return _rebuild_over_http(name, arguments)
        return toolbox.read_models.rebuild(arguments.db, name, verify=arguments.verify, progress=advance)


def _rebuild_over_http(name: str, arguments: argparse.Namespace) -> Rebuilt:
    query = {"verify": "true"} if arguments.verify else {}
    with server(arguments) as client:
        return msgspec.json.decode(client.post_and_wait(f"/read-models/{quote(name)}/rebuild", query), type=_Rebuilt)


class _Rebuilt(msgspec.Struct, frozen=True):
    """As the service tells it."""

    read_model: str
    position: int
    equal: bool | None


def _time(us: int) -> str:
    return datetime.fromtimestamp(us / 1_000_000, UTC).isoformat(timespec="seconds") if us else "never"
