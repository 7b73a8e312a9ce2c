"""`depot-sim scenario`: the scenarios that come along, and playing them or one's own on runs of a server."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from depot_sim.adapters.cli.arguments import Subcommands, add_json, add_server
from depot_sim.adapters.cli.depots import EXPLAINED, load_depot
from depot_sim.adapters.cli.exit_codes import ExitCode, of_verdicts
from depot_sim.adapters.cli.failures import UsageError, place
from depot_sim.adapters.cli.run_options import RunOption
from depot_sim.adapters.cli.scenario_files import require_known
from depot_sim.adapters.cli.scenario_source import ScenarioSource
from depot_sim.adapters.cli.scenario_stage import Wish, clock_of, own_run
from depot_sim.adapters.cli.scenario_tables import length, show_execution, show_executions, show_library
from depot_sim.adapters.cli.source import server
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Toolbox
from depot_sim.application.scenario.execution_views import ExecutionView, summary_of
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.run.events import ClockMode
from depot_sim.domain.scenario.execution import ExecutionStatus

_LOOK_EVERY_SECONDS = 0.25
_SEED, _TICK = 1, "1 s"
_ONE_LINE = """
Without --run a run of its own is started on the scenario's depot, moved to the scenario's end, and its
verdict awaited; then the run is stopped, also after Ctrl-C:
depot-sim scenario start bba-all-fields --packets-endpoint http://127.0.0.1:8430/packets
"""


def add_to(subcommands: Subcommands, options: Sequence[RunOption]) -> None:
    """`options` are those of protocol families for a run of a scenario's own."""
    command = subcommands.add_parser("scenario", help="play scenarios on runs", description=__doc__)
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)
    action = actions.add_parser("list", help="the scenarios that come along", description=list_.__doc__)
    _finish(action, list_, on_server=False)
    action = actions.add_parser("show", help="one of them, as YAML", description=show.__doc__)
    action.add_argument("name", metavar="NAME")
    _finish(action, show, on_server=False)
    action = actions.add_parser("check", help="report every fault of a scenario", description=check.__doc__)
    action.add_argument("file", metavar="FILE", type=Path, help="YAML or JSON")
    _finish(action, check, on_server=False)
    _add_start(actions, options)
    action = actions.add_parser("status", help="how far a run's scenarios are", description=status.__doc__)
    action.add_argument("execution_id", metavar="ID", nargs="?", help="only this one, step by step")
    action.add_argument("--run", required=True, metavar="RUN_ID")
    _finish(action, status)
    action = actions.add_parser("wait", help="wait for a scenario's verdict", description=wait.__doc__)
    action.add_argument("execution_id", metavar="ID")
    action.add_argument("--run", required=True, metavar="RUN_ID")
    _finish(action, wait)
    action = actions.add_parser("stop", help="call a scenario off", description=stop.__doc__)
    action.add_argument("execution_id", metavar="ID")
    action.add_argument("--run", required=True, metavar="RUN_ID")
    _finish(action, stop)


def _add_start(actions: Subcommands, options: Sequence[RunOption]) -> None:
    action = actions.add_parser("start", help="play a scenario", description=start.__doc__, epilog=_ONE_LINE)
    action.add_argument("scenario", metavar="NAME|FILE", help="of the library or the run's presets, or a YAML file")
    action.add_argument("--run", metavar="RUN_ID", help="the run to play it on (default: one of its own)")
    action.add_argument(
        "--set", action="append", default=[], metavar="NAME=ID", help="what a name stands for; may be repeated"
    )
    action.add_argument("--begin", metavar="TIME", help='RFC 3339, or "+90 min" since the run\'s start (default: now)')
    action.add_argument(
        "--advance", action="store_true", help="move a run with a manual clock to the scenario's end, and --wait"
    )
    action.add_argument(
        "--wait", action="store_true", help="until the verdict: exit code 1 if it failed, 5 if nothing was verified"
    )
    action.add_argument("--settle", metavar="TIME", help="to wait for answers at each tick")
    own = action.add_argument_group("a run of its own")
    own.add_argument("--depot", metavar="DEPOT", help=f"{EXPLAINED} (default: the scenario's)")
    for option in options:
        own.add_argument(option.flag, metavar=option.metavar, help=option.help)
    own.add_argument("--run-id", metavar="ID", help="the new run's id (default: a new one)")
    own.add_argument(
        "--keep", action="store_true", default=None, help="leave the run and its depot (default: stop it, archive it)"
    )
    own.add_argument("--speed", metavar="N", help="follow wall time so many times as fast (default: moved by hand)")
    own.add_argument("--lock-step", action="store_true", default=None, help="with --speed: wait for answers, too")
    own.add_argument("--seed", type=int, metavar="N", help=f"of all noise and random draws (default: {_SEED})")
    own.add_argument("--tick", metavar="TIME", help=f"default: {_TICK}")
    own.add_argument("--start", metavar="TIME", help="the depot's local time with offset")
    _finish(action, start)
    action.set_defaults(options=options)


def list_(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    """Every scenario of the library, with what it shows."""
    library = toolbox.scenarios
    found = [summary_of(toolbox.scripts.read(library.document(name))) for name in library.names()]
    if arguments.json:
        terminal.json(found)
    else:
        show_library(terminal, found)
    return ExitCode.OK


def show(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    """A scenario of the library as its file: a beginning for one of your own."""
    require_known(toolbox, arguments.name)
    if arguments.json:
        terminal.json(toolbox.scenarios.document(arguments.name))
    else:
        terminal.text(toolbox.scenarios.text(arguments.name))
    return ExitCode.OK


def check(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    """Report every fault at once, with line and column. Exit code 1 if there are any."""
    try:
        summary = summary_of(toolbox.scripts.read(toolbox.load_scenario(arguments.file)))
    except InvalidInput as error:
        if arguments.json:
            terminal.json({"file": str(arguments.file), "valid": False, "faults": error.faults})
        else:
            rows = [(place(fault), fault.found, fault.expected) for fault in error.faults]
            terminal.table(("where", "found", "expected"), rows)
        return ExitCode.VERDICT_FAILED
    if arguments.json:
        terminal.json({"file": str(arguments.file), "valid": True, "faults": []})
    else:
        terminal.text(f"{arguments.file}: sound. {summary.steps} steps, {length(summary.lasts_ms)}\n")
    return ExitCode.OK


def start(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    """Play a scenario on a run, with a table of what each step did."""
    if arguments.run is not None:
        _refuse_wishes(arguments)
    request = _request(arguments, toolbox)
    with server(arguments) as client, ExitStack() as ending:
        source, run_id, own = ScenarioSource(client), arguments.run, arguments.run is None
        if own:
            depot, wish = _depot(arguments, toolbox, request), _wish(arguments, toolbox)
            run_id = ending.enter_context(own_run(client, depot, wish, terminal))
            terminal.say(f"run {run_id} started")
        begun = source.start(run_id, request)
        if arguments.advance or (own and arguments.speed is None):
            _advance(source, begun, arguments.settle, terminal)
        is_awaited = arguments.wait or arguments.advance or own
        found = _awaited(source, begun) if is_awaited else source.execution(run_id, begun.execution_id)
    return _show(found, arguments, terminal)


def wait(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """Wait for the verdict on a scenario that was started before, also before the server was restarted.

    Exit code 1 if it failed, 5 if nothing was verified.
    """
    with server(arguments) as client:
        source = ScenarioSource(client)
        found = _awaited(source, source.execution(arguments.run, arguments.execution_id))
    return _show(found, arguments, terminal)


def status(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """All scenarios of a run, or one step by step."""
    with server(arguments) as client:
        source = ScenarioSource(client)
        if arguments.execution_id is not None:
            return _show(source.execution(arguments.run, arguments.execution_id), arguments, terminal)
        found = source.executions(arguments.run)
    if arguments.json:
        terminal.json(found)
    elif found:
        show_executions(terminal, found)
    else:
        terminal.say("no scenario was played on this run")
    return ExitCode.OK


def stop(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """Let none of its further steps happen. What it did stays as it is."""
    with server(arguments) as client:
        found = ScenarioSource(client).stop(arguments.run, arguments.execution_id)
    _show(found, arguments, terminal)
    return ExitCode.OK


def _request(arguments: argparse.Namespace, toolbox: Toolbox) -> dict[str, Any]:
    """As the server takes it. A file is read here, so that its faults tell their line."""
    names = dict(_pair(text) for text in arguments.set)
    request: dict[str, Any] = {"names": names} if names else {}
    if arguments.begin is not None:
        request["begin"] = arguments.begin
    path = Path(arguments.scenario)
    if path.suffix:
        request["document"] = toolbox.load_scenario(path)
    else:
        request["name"] = arguments.scenario
    return request


def _pair(text: str) -> tuple[str, str]:
    name, equals, id = text.partition("=")
    if not (name and equals and id):
        raise UsageError(f"--set {text} does not say what stands for what", "such as --set battery=bess-2")
    return name, id


def _depot(arguments: argparse.Namespace, toolbox: Toolbox, request: dict[str, Any]) -> Definition:
    """The depot for a run of the scenario's own, one that the scenario can be played on."""
    if arguments.depot is not None:
        definition = load_depot(toolbox, arguments.depot)
        if "name" in request:
            require_known(toolbox, request["name"], [preset.id for preset in definition.document.scenario_presets])
        return definition
    if "name" in request:
        require_known(toolbox, request["name"])
    document = request.get("document") or toolbox.scenarios.document(request["name"])
    depot = toolbox.scripts.read(document).depot
    if not depot:
        raise UsageError("the scenario names no depot", "name a run with --run, or a depot with --depot")
    return load_depot(toolbox, depot)


def _refuse_wishes(arguments: argparse.Namespace) -> None:
    """A run there is has its depot, its seed and its clock."""
    of_families = [option.name for option in arguments.options]
    names = ("depot", *of_families, "speed", "lock_step", "seed", "tick", "start", "run_id", "keep")
    wished = next((name for name in names if getattr(arguments, name) is not None), None)
    if wished is not None:
        option = wished.replace("_", "-")
        raise UsageError(f"--{option} is for a run of the scenario's own", f"leave out --run, or --{option}")


def _wish(arguments: argparse.Namespace, toolbox: Toolbox) -> Wish:
    seed = _SEED if arguments.seed is None else arguments.seed
    if arguments.lock_step and arguments.speed is None:
        raise UsageError("--lock-step is for a run with --speed", "leave it out: a run moved by hand is in step")
    options = [(option, getattr(arguments, option.name)) for option in arguments.options]
    given = [(option, value) for option, value in options if value is not None]
    clock = clock_of(arguments.speed, lock_step=bool(arguments.lock_step), settle=arguments.settle)
    run_id = toolbox.new_id() if arguments.run_id is None else arguments.run_id
    return Wish(
        run_id=run_id,
        keep=bool(arguments.keep),
        seed=seed,
        tick=arguments.tick or _TICK,
        start_time=arguments.start,
        clock=clock,
        options=given,
    )


def _advance(source: ScenarioSource, begun: ExecutionView, settle: str | None, terminal: Terminal) -> None:
    """By whole ticks to the first one that is not before the end, which what is expected on the way may put off."""
    run, ends_at = source.run(begun.run_id), begun.ends_at
    if run.clock is not ClockMode.MANUAL:
        raise UsageError(f"run {begun.run_id} follows wall time", "leave --advance out, and --wait for it")
    at = run.at
    while (ticks := -(-(ends_at - at) // run.tick_ms)) > 0:
        with terminal.progress(begun.name) as advance:
            for done in source.advance(begun.run_id, ticks, settle):
                advance(done, ticks)
        at += ticks * run.tick_ms
        ends_at = source.execution(begun.run_id, begun.execution_id).ends_at


def _awaited(source: ScenarioSource, begun: ExecutionView) -> ExecutionView:
    """The execution once it is over."""
    while (found := source.execution(begun.run_id, begun.execution_id)).status is ExecutionStatus.RUNNING:
        time.sleep(_LOOK_EVERY_SECONDS)
    return found


def _show(found: ExecutionView, arguments: argparse.Namespace, terminal: Terminal) -> ExitCode:
    if arguments.json:
        terminal.json(found)
    else:
        show_execution(terminal, found)
    return of_verdicts(found.verdict)


def _finish(action: argparse.ArgumentParser, execute: object, *, on_server: bool = True) -> None:
    if on_server:
        add_server(action)
    add_json(action)
    action.set_defaults(execute=execute)
