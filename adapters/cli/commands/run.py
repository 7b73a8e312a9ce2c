"""`depot-sim run`: simulate without a server, as fast as it goes, in memory or onto a store."""

from __future__ import annotations

import argparse

from adapters.cli.arguments import DEFAULT_START, Subcommands, add_json, duration
from adapters.cli.depots import EXPLAINED, load_depot
from adapters.cli.exit_codes import ExitCode
from adapters.cli.failures import UsageError
from adapters.cli.run_report import report, show
from adapters.cli.simulation import Finished, Stopwatch, Storage, carry_out, in_memory, on_store, resumed
from adapters.cli.terminal import Terminal
from adapters.cli.toolbox import Toolbox
from application.run.requests import ClockRequest, StartRun
from domain.configuration.quantities import MS_PER_DAY, MS_PER_MINUTE, Duration
from domain.run.events import ClockMode

_PINNED = ("seed", "tick", "start", "disturbances", "run_id")
_EPILOG = """
A run on a store can be killed at any moment: --resume RUN_ID --db URL continues it to the end it was started for, and
it ends with the same canonical hash. Equal depot, seed, start and tick give an equal canonical hash everywhere.
"""


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("run", help="simulate without a server", description=__doc__, epilog=_EPILOG)
    command.add_argument("depot", metavar="DEPOT", nargs="?", help=EXPLAINED)
    command.add_argument("--seed", type=int, metavar="N", help="of all noise and random draws (default: 1)")
    command.add_argument("--for", dest="length", type=duration, metavar="TIME", help="such as 90min, 24h or 7d (24h)")
    command.add_argument("--tick", type=duration, metavar="TIME", help="from 1ms to 1h (default: 60s)")
    command.add_argument(
        "--start", metavar="TIME", help=f"the depot's local time with offset (default: {DEFAULT_START})"
    )
    command.add_argument("--disturbances", metavar="NAME", help="a profile of the depot's, or: typical")
    command.add_argument("--db", metavar="URL", help="keep every event in this store, such as sqlite:///depot.db")
    identity = command.add_mutually_exclusive_group()
    identity.add_argument("--run-id", metavar="ID", help="the new run's id (default: a new one)")
    identity.add_argument("--resume", metavar="ID", help="continue a run of the store instead of starting one")
    add_json(command)
    command.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    watch = Stopwatch()
    _check(arguments)
    finished = _simulate(arguments, toolbox, terminal)
    shown = report(finished, watch, arguments.db)
    if arguments.json:
        terminal.json(shown)
    else:
        show(terminal, finished, shown)
    return ExitCode.OK


def _check(arguments: argparse.Namespace) -> None:
    if arguments.resume is None:
        if arguments.depot is None:
            raise UsageError("no DEPOT is named", f"name {EXPLAINED}")
        return
    if arguments.db is None:
        raise UsageError("--resume needs --db", "name the store the run is in, such as --db sqlite:///depot.db")
    given = ["DEPOT"] if arguments.depot is not None else []
    given += [f"--{name}" for name in _PINNED if getattr(arguments, name) is not None]
    if given:
        raise UsageError(f"{given[0]} together with --resume", "leave it out: the run keeps what it was started with")


def _simulate(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> Finished:
    watched, length, db = not arguments.json, arguments.length, arguments.db
    if arguments.resume is not None:
        with toolbox.open_existing_store(db) as store:
            storage = Storage(toolbox, store, db)
            return carry_out(resumed(storage, arguments.resume, length, watched=watched), terminal)
    definition = load_depot(toolbox, arguments.depot)
    request, until = _request(arguments, toolbox), length or MS_PER_DAY
    if db is None:
        return carry_out(in_memory(definition, request, until, watched=watched), terminal)
    with toolbox.open_store(db) as store:
        job = on_store(Storage(toolbox, store, db), definition, request, until, watched=watched)
        return carry_out(job, terminal)


def _request(arguments: argparse.Namespace, toolbox: Toolbox) -> StartRun:
    return StartRun(
        configuration_id="",
        seed=1 if arguments.seed is None else arguments.seed,
        start_time=arguments.start or DEFAULT_START,
        tick=Duration(arguments.tick or MS_PER_MINUTE),
        clock=ClockRequest(mode=ClockMode.MANUAL),
        disturbances=arguments.disturbances or "",
        run_id=arguments.run_id or toolbox.new_id(),
    )
