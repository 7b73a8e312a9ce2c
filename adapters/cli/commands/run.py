"""`depot-sim run`: simulate without a server, as fast as it goes, in memory or onto a store."""

from __future__ import annotations

import argparse

from depot_sim.adapters.cli.arguments import Subcommands, add_json, duration
from depot_sim.adapters.cli.depots import EXPLAINED, load_depot
from depot_sim.adapters.cli.exit_codes import ExitCode, of_verdicts
from depot_sim.adapters.cli.failures import UsageError
from depot_sim.adapters.cli.run_report import report, show
from depot_sim.adapters.cli.scenario_files import load_scenario
from depot_sim.adapters.cli.simulation import (
    Finished,
    Scenario,
    Stopwatch,
    Storage,
    carry_out,
    in_memory,
    on_store,
    resumed,
)
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Toolbox
from depot_sim.application.run.archive import RunArchive
from depot_sim.application.run.requests import DEFAULT_START, ClockRequest, StartRun
from depot_sim.domain.kernel.quantities import MS_PER_DAY, MS_PER_MINUTE, MS_PER_SECOND, Duration
from depot_sim.domain.kernel.written_secrets import SecretWritten
from depot_sim.domain.run.events import ClockMode, SimulationRunStarted

_EPILOG = """
A run on a store can be killed at any moment: --resume RUN_ID --db URL continues it to the end it was started for, and
it ends with the same canonical hash. Equal depot, seed, start and tick give an equal canonical hash everywhere.
"""


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("run", help="simulate without a server", description=__doc__, epilog=_EPILOG)
    command.add_argument("depot", metavar="DEPOT", nargs="?", help=EXPLAINED)
    command.add_argument("--seed", type=int, metavar="N", help="of all noise and random draws (default: 1)")
    command.add_argument(
        "--for", dest="length", type=duration, metavar="TIME", help="such as 90min, 24h or 7d (24h, or the scenario's)"
    )
    command.add_argument("--tick", type=duration, metavar="TIME", help="from 1ms to 1h (60s, with a scenario 1s)")
    command.add_argument(
        "--start", metavar="TIME", help=f"the depot's local time with offset (default: {DEFAULT_START})"
    )
    command.add_argument("--disturbances", metavar="NAME", help="a profile of the depot's, or: typical")
    command.add_argument("--db", metavar="URL", help="keep every event in this store, such as sqlite:///depot.db")
    command.add_argument("--scenario", metavar="NAME|FILE", help="play it from the start on (see: scenario list)")
    identity = command.add_mutually_exclusive_group()
    identity.add_argument("--run-id", metavar="ID", help="the new run's id (default: a new one)")
    identity.add_argument("--resume", metavar="ID", help="continue a run of the store instead of starting one")
    add_json(command)
    command.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    watch = Stopwatch()
    finished = _simulate(arguments, toolbox, terminal)
    shown = report(finished, watch, arguments.db)
    if arguments.json:
        terminal.json(shown)
    else:
        show(terminal, finished, shown)
    return of_verdicts(*(execution.verdict for execution in finished.scenarios))


def _simulate(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> Finished:
    if arguments.resume is not None:
        return _resume(arguments, toolbox, terminal)
    watched, db = not arguments.json, arguments.db
    scenario = _scenario(arguments, toolbox)
    script = None if scenario is None else toolbox.scripts.read(scenario.document)
    depot = arguments.depot or (script.depot if script is not None else None)
    if not depot:
        raise UsageError("no DEPOT is named", f"name {EXPLAINED}")
    definition = load_depot(toolbox, depot)
    request, until = _request(arguments, toolbox), arguments.length or (script.ends if script else 0) or MS_PER_DAY
    if db is None:
        return carry_out(in_memory(definition, request, until, watched=watched, scenario=scenario), terminal)
    with toolbox.open_store(db) as store:
        job = on_store(Storage(toolbox, store, db), definition, request, until, watched=watched, scenario=scenario)
        return carry_out(job, terminal)


def _scenario(arguments: argparse.Namespace, toolbox: Toolbox) -> Scenario | None:
    """What --scenario names, sound. Raises InvalidInput, NotFound, OSError."""
    if arguments.scenario is None:
        return None
    document, source = load_scenario(toolbox, arguments.scenario)
    return Scenario(toolbox.scripts, document, source, {})


def _resume(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> Finished:
    run_id, db = arguments.resume, arguments.db
    if db is None:
        raise UsageError("--resume needs --db", "name the store the run is in, such as --db sqlite:///depot.db")
    with toolbox.open_existing_store(db) as store:
        _check_unchanged(arguments, toolbox, RunArchive(store.log).load(run_id, upto_version=1).run.started)
        job = resumed(Storage(toolbox, store, db), run_id, arguments.length, watched=not arguments.json)
        return carry_out(job, terminal)


def _check_unchanged(arguments: argparse.Namespace, toolbox: Toolbox, started: SimulationRunStarted) -> None:
    """What is said again has to be what the run was started with. Raises UsageError."""
    given = {
        "--seed": (arguments.seed, started.seed),
        "--tick": (arguments.tick, started.tick_ms),
        "--start": (arguments.start, started.start_time),
        "--disturbances": (arguments.disturbances, started.disturbances),
    }
    changed = [name for name, (said, kept) in given.items() if said is not None and said != kept]
    if arguments.depot is not None and load_depot(toolbox, arguments.depot).document_json != bytes(started.document):
        changed.append("DEPOT")
    if changed:
        hint = "leave it out, or start a new run"
        raise UsageError(f"{changed[0]} is not what run {arguments.resume} was started with", hint)


def _request(arguments: argparse.Namespace, toolbox: Toolbox) -> StartRun:
    run_id = arguments.run_id or toolbox.new_id()
    secret = toolbox.secret_in(run_id)
    if secret is not None:
        raise SecretWritten([secret.fault("--run-id")])
    return StartRun(
        configuration_id="",
        seed=1 if arguments.seed is None else arguments.seed,
        start_time=arguments.start or DEFAULT_START,
        tick=Duration(arguments.tick or (MS_PER_MINUTE if arguments.scenario is None else MS_PER_SECOND)),
        clock=ClockRequest(mode=ClockMode.MANUAL),
        disturbances=arguments.disturbances or "",
        run_id=run_id,
    )
