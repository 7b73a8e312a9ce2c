"""`depot-sim demo`: a day of a real depot as fast as it goes, then the same depot served, a minute a second."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from urllib.parse import quote, urlsplit

import msgspec

from depot_sim.adapters.cli.arguments import DEFAULT_PORT, DEFAULT_URL, Subcommands
from depot_sim.adapters.cli.background import BackgroundService
from depot_sim.adapters.cli.depots import load_depot
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.run_report import report, show
from depot_sim.adapters.cli.simulation import Finished, Stopwatch, Storage, carry_out, on_store
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Toolbox
from depot_sim.application.run.requests import ClockRequest, StartRun
from depot_sim.domain.kernel.quantities import MS_PER_DAY, MS_PER_MINUTE, Duration
from depot_sim.domain.run.events import ClockMode

_DEPOT = "nyc-meredith"
_SEED = 7
_SPEED = 60
_FOLDER = Path("depot-sim-data", "demo")
_EPILOG = f"""
Everything is kept in the folder {_FOLDER} below the working directory; a new demo begins by stopping the service
of the one before and deleting its folder.
"""


class _Started(msgspec.Struct):
    run_id: str


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser(
        "demo", help="a real depot for a day, then served", description=__doc__, epilog=_EPILOG
    )
    command.add_argument("--stop", action="store_true", help="stop the service that the demo has left behind")
    command.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    folder = _FOLDER.absolute()
    service = BackgroundService(folder, toolbox.command)
    stopped = service.stop()
    if arguments.stop:
        terminal.text("the demo's service is stopped\n" if stopped else _nothing_to_stop(toolbox.name, folder))
        return ExitCode.OK
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    db = f"sqlite:///{quote(str(folder / 'depot-sim.db'))}"
    finished = _simulate(toolbox, terminal, db)
    ready = service.start(db)
    run_id = _start_served_run(ready.url, finished)
    terminal.text(_left_behind(toolbox.name, ready.url, run_id, f"{finished.summary.run_id} --db {db}"))
    return ExitCode.OK


def _simulate(toolbox: Toolbox, terminal: Terminal, db: str) -> Finished:
    """A day of the depot, stored."""
    watch = Stopwatch()
    definition = load_depot(toolbox, _DEPOT)
    request = StartRun(
        "",
        seed=_SEED,
        tick=Duration(MS_PER_MINUTE),
        clock=ClockRequest(ClockMode.MANUAL),
        run_id=toolbox.new_id(),
    )
    terminal.text(f"{definition.document.name}: {definition.document.description}\n\n")
    with toolbox.open_store(db) as store:
        job = on_store(Storage(toolbox, store, db), definition, request, MS_PER_DAY, watched=True)
        finished = carry_out(job, terminal)
    show(terminal, finished, report(finished, watch, db))
    return finished


def _start_served_run(url: str, finished: Finished) -> str:
    """The same depot again, driven by wall time."""
    from depot_sim.adapters.cli.client import Client

    started = finished.started
    request = {
        "configuration_id": started.configuration_id,
        "seed": started.seed,
        "start_time": started.start_time,
        "tick": "60 s",
        "clock": {"mode": ClockMode.REALTIME.value, "speed": str(_SPEED)},
    }
    with Client(url) as client:
        return msgspec.json.decode(client.post("/simulation-runs", msgspec.json.encode(request)), type=_Started).run_id


def _nothing_to_stop(name: str, folder: Path) -> str:
    hint = f"run {name} demo --stop in the folder where the demo was started"
    return f"no service of a demo is running in {folder}; {hint}\n"


def _on_another_port(url: str) -> str:
    if url == DEFAULT_URL:
        return ""
    return f"Another program uses port {DEFAULT_PORT}, so the demo's service has port {urlsplit(url).port}.\n\n"


def _left_behind(name: str, url: str, run_id: str, simulated: str) -> str:
    at_url = "" if url == DEFAULT_URL else f" --url {url}"
    return f"""
{_on_another_port(url)}The depot is now served, a minute a second, until it is stopped:

  {url}/simulation-runs/{run_id}
  {url}/openapi.json

  {name} world {run_id}{at_url}
  {name} events {run_id} --follow{at_url}
  {name} replay {simulated}
  {name} demo --stop

"""
