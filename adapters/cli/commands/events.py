"""`depot-sim events`: what happened in a run, one event a line; with --follow as it happens."""

from __future__ import annotations

import argparse

import msgspec

from depot_sim.adapters.cli.arguments import Subcommands, add_json
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.lines import EventLine
from depot_sim.adapters.cli.source import add_source, open_source
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Toolbox
from depot_sim.domain.kernel.quantities import MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND

_WIDEST = 100
_EPILOG = "Columns: position in the log, time since the run's start, type, and what the event says."


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("events", help="a run's events", description=__doc__, epilog=_EPILOG)
    command.add_argument("run_id", metavar="RUN_ID")
    command.add_argument("--follow", action="store_true", help="go on as events come, until Ctrl-C")
    command.add_argument("--type", action="append", default=[], metavar="TYPE", help="only this type; may be repeated")
    command.add_argument("--after", type=int, default=0, metavar="POSITION", help="only events beyond this position")
    add_source(command)
    add_json(command)
    command.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    with open_source(arguments, toolbox) as source:
        asked = {"after": arguments.after, "types": arguments.type, "follow": arguments.follow}
        for event in source.events(arguments.run_id, **asked):
            if arguments.json:
                terminal.json(event)
            else:
                terminal.text(_line(event) + "\n")
    return ExitCode.OK


def _line(event: EventLine) -> str:
    fields = msgspec.json.decode(event.data)
    at = _since_start(fields.pop("at", 0))
    said = " ".join(f"{name}={_short(value)}" for name, value in fields.items())
    return f"{event.position:>8} {at:>12} {event.type} {_cut(said)}".rstrip()


def _short(value: object) -> str:
    """Columns by their length: what is in them is for programs."""
    if isinstance(value, dict):
        return f"({len(next(iter(value.values()), ''))})" if "index" in value else "{…}"
    return str(value)


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _since_start(ms: int) -> str:
    days, hours = ms // MS_PER_DAY, ms // MS_PER_HOUR % 24
    minutes, seconds = ms // MS_PER_MINUTE % 60, ms // MS_PER_SECOND % 60
    return f"{f'{days}d ' if days else ''}{hours:02}:{minutes:02}:{seconds:02}"
